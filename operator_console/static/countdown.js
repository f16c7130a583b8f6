// The countdown of a drill: goes on between two looks at the server. Without script the page says the time.
"use strict";
(() => {
  const began = performance.now();
  const two = (number) => String(number).padStart(2, "0");
  const show = (place) => {
    const left = Number(place.dataset.seconds) - Math.floor((performance.now() - began) / 1000);
    const whole = Math.abs(left);
    place.textContent = `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
    const begun = left < 0;
    place.parentElement.querySelector(".before").hidden = begun;
    place.parentElement.querySelector(".since").hidden = !begun;
  };
  const places = document.querySelectorAll("[data-seconds]");
  const all = () => places.forEach(show);
  all();
  setInterval(all, 1000);
})();
