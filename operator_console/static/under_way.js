// The bar of what is under way: counts down, and asks anew while the page stays open. Without script it stands
// as it was when the page was made.
"use strict";
(() => {
  const bar = document.getElementById("under-way");
  const EVERY = 4000; // ms between two looks at the server
  const two = (number) => String(number).padStart(2, "0");
  let asked = performance.now();

  const show = (place) => {
    const passed = Math.floor((performance.now() - (bar && bar.contains(place) ? asked : 0)) / 1000);
    const left = Number(place.dataset.seconds) - passed;
    const whole = Math.abs(left);
    const hours = Math.floor(whole / 3600);
    const minutes = Math.floor(whole / 60) % 60;
    place.textContent = `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(whole % 60)}`;
    place.parentElement.querySelector(".before").hidden = left < 0;
    place.parentElement.querySelector(".since").hidden = left >= 0;
  };
  const all = () => document.querySelectorAll("[data-seconds]").forEach(show);

  // what somebody is about to confirm is not taken from under their hand
  const busy = () => document.hidden || bar.querySelector("details[open]") || bar.contains(document.activeElement);

  const renew = async () => {
    if (busy()) return;
    const answer = await fetch(bar.dataset.from, { redirect: "manual" }).catch(() => null);
    if (!answer || !answer.ok || busy()) return;
    bar.innerHTML = await answer.text();
    asked = performance.now();
    all();
  };

  all();
  setInterval(all, 1000);
  if (bar) setInterval(renew, EVERY);
})();
