/** Sets the colours before anything is drawn: what was chosen, or what the system prefers. */
(() => {
  const chosen = localStorage.getItem("gatebook-theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const set = () => {
    document.documentElement.dataset.theme = localStorage.getItem("gatebook-theme") ?? (dark.matches ? "dark" : "light");
  };
  if (!chosen) dark.addEventListener("change", set);
  set();
})();
