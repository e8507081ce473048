/** Says so where the browser could not get the page's files: nothing else of the page runs then. */
addEventListener(
  "error",
  (event) => {
    if (!(event.target instanceof HTMLScriptElement)) return;
    const say = () => {
      const boot = document.querySelector(".boot");
      if (!boot) return;
      boot.setAttribute("role", "alert");
      boot.textContent =
        "The page could not be loaded: the server did not give out its files. Load it again in a moment. Behind a proxy, the proxy has to pass on the host that the browser names (the header Host).";
    };
    if (document.readyState === "loading") addEventListener("DOMContentLoaded", say);
    else say();
  },
  true,
);
