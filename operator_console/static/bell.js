// The bell: sounds while somebody calls for help and nobody has taken it. Without script the page says it in words.
"use strict";
(() => {
  const bell = document.getElementById("bell");
  const Sound = window.AudioContext || window.webkitAudioContext;
  if (!bell || !Sound) return;
  const [state, on, off] = ["bell-state", "bell-on", "bell-off"].map((id) => document.getElementById(id));
  const title = document.title;
  const sound = new Sound();
  const silenced = new Set();
  const EVERY = 4000; // ms between two rings
  let rung = -Infinity;

  // the deliveries that wait, as the server has written them into the page
  const waiting = () => {
    const list = document.querySelector("[data-help-open]");
    return list ? list.dataset.helpOpen.split(" ").filter(Boolean) : [];
  };

  const tone = (hertz, begin, seconds) => {
    const wave = sound.createOscillator();
    const loud = sound.createGain();
    wave.type = "triangle";
    wave.frequency.value = hertz;
    loud.gain.setValueAtTime(0, begin);
    loud.gain.linearRampToValueAtTime(0.5, begin + 0.02);
    loud.gain.linearRampToValueAtTime(0, begin + seconds);
    wave.connect(loud).connect(sound.destination);
    wave.start(begin);
    wave.stop(begin + seconds);
  };

  const ring = () => {
    for (let turn = 0; turn < 3; turn += 1) {
      tone(1047, sound.currentTime + turn * 0.5, 0.22);
      tone(784, sound.currentTime + turn * 0.5 + 0.24, 0.24);
    }
  };

  const say = (words) => {
    if (state.textContent !== words) state.textContent = words;
  };

  const look = () => {
    const open = waiting();
    const loud = open.filter((number) => !silenced.has(number));
    const blocked = sound.state !== "running";
    document.title = open.length ? `(${open.length}) ${bell.dataset.title} - ${title}` : title;
    bell.classList.toggle("ringing", loud.length > 0);
    on.hidden = !blocked;
    off.hidden = blocked || loud.length === 0;
    if (blocked) say(bell.dataset.blocked);
    else if (loud.length) say(bell.dataset.ringing);
    else say(open.length ? bell.dataset.silenced : bell.dataset.ready);
    if (!blocked && loud.length && performance.now() - rung >= EVERY) {
      rung = performance.now();
      bell.dataset.rung = Number(bell.dataset.rung || 0) + 1;
      ring();
    }
  };

  on.addEventListener("click", () => sound.resume().then(look));
  off.addEventListener("click", () => {
    waiting().forEach((number) => silenced.add(number));
    look();
  });
  bell.hidden = false;
  look();
  setInterval(look, 500);
})();
