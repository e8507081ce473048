/** The routes behind "#": a view's name, perhaps an id, and parameters that are its filters. */

/**
 * @typedef {object} Route
 * @property {string} name
 * @property {string} id
 * @property {URLSearchParams} params
 */

/** @returns {Route} */
export function current() {
  const [path, text = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  const [name, id = ""] = path.split("/");
  return { name: name || "now", id, params: new URLSearchParams(text) };
}

/**
 * Returns the address of a route.
 *
 * @param {string} path
 * @param {URLSearchParams | Record<string, string>} [params]
 */
export function href(path, params = {}) {
  const text = new URLSearchParams(params).toString();
  return `#/${path}${text ? `?${text}` : ""}`;
}

/**
 * Changes the parameters of the route that is shown, without a new place in the history unless
 * keep is set.
 *
 * @param {(params: URLSearchParams) => void} change
 * @param {{keep?: boolean}} [options]
 */
export function adjust(change, { keep = false } = {}) {
  const route = current();
  change(route.params);
  const to = href(route.id ? `${route.name}/${route.id}` : route.name, route.params);
  if (keep) {
    location.hash = to;
    return;
  }
  history.replaceState(null, "", to);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/**
 * Adds a value to a filter, or takes it away if it is there.
 *
 * @param {string} name
 * @param {string} value
 */
export function toggle(name, value) {
  adjust(
    (params) => {
      const all = params.getAll(name);
      params.delete(name);
      for (const one of all.includes(value) ? all.filter((v) => v !== value) : [...all, value]) params.append(name, one);
    },
    { keep: true },
  );
}
