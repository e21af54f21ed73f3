"use strict";
// What only helps: every page works without this file.
(() => {
  document.documentElement.classList.add("js");
  // On a phone the navigation is wider than the screen: where one is comes into sight.
  document.querySelector("nav.main [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  // A choice in the filter bar is taken at once; the button stays for those without scripts.
  for (const form of document.querySelectorAll("form[data-at-once]"))
    form.addEventListener("change", () => form.requestSubmit());
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(new URL(button.dataset.copy, location.href).href);
      const told = button.querySelector("[data-told]");
      if (told) told.textContent = "Copied";
    });
  }
  addEventListener("keydown", (event) => {
    const typing = event.target instanceof Element && event.target.closest("input, select, textarea");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/") {
      const box = document.querySelector("input[type=search]");
      if (box) { event.preventDefault(); box.focus(); } else location.assign("/glossary");
    }
    const button = document.querySelector(`button[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
    if (button) { event.preventDefault(); button.click(); }
    const link = { ArrowLeft: "earlier", ArrowRight: "later" }[event.key];
    if (link && event.shiftKey) document.querySelector(`a[rel~="${link === "earlier" ? "prev" : "next"}"]`)?.click();
  });
  // What the address names is opened, also inside folded parts.
  const open = () => {
    const target = location.hash.length > 1 ? document.getElementById(location.hash.slice(1)) : null;
    for (let part = target; part; part = part.parentElement) if (part.matches("details")) part.open = true;
  };
  addEventListener("hashchange", open);
  open();
})();
