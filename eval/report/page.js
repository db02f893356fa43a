"use strict";
// Filters the cases; without it all of them are shown.
(() => {
  const cases = [...document.querySelectorAll("details.case")];
  const controls = [...document.querySelectorAll(".filters select, .filters input")];
  const shown = document.getElementById("shown");
  const texts = new Map(cases.map((own) => [own, own.textContent.toLowerCase()]));
  function apply() {
    const wanted = Object.fromEntries(controls.map((own) => [own.name, own.value.trim().toLowerCase()]));
    let count = 0;
    for (const own of cases) {
      const fits = ["suite", "kind", "result", "status"].every(
        (name) => !wanted[name] || own.dataset[name].toLowerCase() === wanted[name]);
      const found = !wanted.search || wanted.search.split(/\s+/).every((word) => texts.get(own).includes(word));
      own.hidden = !(fits && found);
      count += own.hidden ? 0 : 1;
    }
    shown.textContent = `${count} of ${cases.length} cases`;
  }
  for (const own of controls) own.addEventListener("input", apply);
  const filters = document.querySelector(".filters");
  if (filters) { filters.hidden = false; apply(); }
  window.addEventListener("beforeprint", () => cases.forEach((own) => { own.open = !own.hidden; }));
})();
