"use strict";
(() => {
  const box = document.getElementById("search"), told = document.getElementById("found");
  const entries = [...document.querySelectorAll(".entry")];
  const shelves = [...document.querySelectorAll(".family")];
  const look = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const entry of entries) {
      entry.hidden = !words.every((word) => entry.dataset.words.includes(word));
      count += entry.hidden ? 0 : 1;
    }
    for (const shelf of shelves) shelf.hidden = !shelf.querySelector(".entry:not([hidden])");
    told.textContent = words.length ? `${count} of ${entries.length}` : `${entries.length} metrics`;
  };
  const open = () => {
    const entry = location.hash ? document.getElementById(location.hash.slice(1)) : null;
    if (entry && entry.matches(".entry")) entry.open = true;
  };
  document.querySelector(".search").hidden = false;
  box.addEventListener("input", look);
  addEventListener("hashchange", open);
  look();
  open();
})();
