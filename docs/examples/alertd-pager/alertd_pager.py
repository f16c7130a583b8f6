"""A channel for the town's pager gateway: one HTTP request for each pager."""

import http.client
import json

from pydantic import SecretStr

from alertd.channel import ChannelSettings, Outcome, Reason, Receipt, Traits
from alertd.errors import ChannelMisconfigured, ChannelUnavailable


class PagerSettings(ChannelSettings):
    host: str
    port: int
    token: SecretStr


class PagerChannel:
    Settings = PagerSettings

    def __init__(self, name, settings, /):
        self._settings = settings

    @property
    def traits(self):
        return Traits()

    def send(self, message, targets, /):
        self._settings.must_carry(message.status)
        for target in targets:
            yield self._page(message, target)

    def close(self):
        pass

    def _page(self, message, target):
        document = {
            "key": target.key,
            "pager": target.address,
            "status": message.status,
            "kind": message.kind,
        }
        document |= {"text": message.text, "references": [one.identifier for one in message.references]}
        headers = {"Authorization": f"Bearer {self._settings.token.get_secret_value()}"}
        gateway = http.client.HTTPConnection(self._settings.host, self._settings.port, timeout=10)
        try:
            gateway.request("POST", "/pages", json.dumps(document), headers)
            status = gateway.getresponse().status
        except OSError as error:
            raise ChannelUnavailable(f"the gateway does not answer: {type(error).__name__}") from None
        finally:
            gateway.close()
        if status == 401:
            raise ChannelMisconfigured("the gateway does not accept our token; see `token_file`")
        if status == 404:
            return Receipt(key=target.key, outcome=Outcome.FAILED, reason=Reason.BAD_ADDRESS)
        if status != 200:
            return Receipt(key=target.key, outcome=Outcome.DEFERRED, reason=Reason.OTHER)
        return Receipt(key=target.key, outcome=Outcome.ACCEPTED)
