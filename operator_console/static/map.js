// The map of the form: a click on an area ticks its box in the list, and a ticked box stands out on the map.
"use strict";
(() => {
  const map = document.querySelector("svg[data-choose]");
  if (!map) return;
  const name = map.dataset.choose;
  const box = (code) => document.querySelector(`input[name="${name}"][value="${CSS.escape(code)}"]`);
  const shapes = [...map.querySelectorAll("[data-code]")];
  const names = [...map.querySelectorAll("[data-name]")];

  const show = () => {
    for (const one of [...shapes, ...names]) {
      const found = box(one.dataset.code ?? one.dataset.name);
      if (found) one.classList.toggle("meant", found.checked);
    }
  };

  for (const shape of shapes) {
    const found = box(shape.dataset.code);
    if (!found) continue;
    shape.classList.add("choosable");
    shape.addEventListener("click", () => found.click());
  }
  document.addEventListener("change", (event) => {
    if (event.target.name === name) show();
  });
  show();
})();
