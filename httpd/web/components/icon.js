/** Small pictures on buttons: fonts differ in which of these signs they have. */

import { svg } from "../app/dom.js";

const shapes = /** @type {const} */ ({
  before: "M5 5v14M19 5v14L8 12z",
  after: "M19 5v14M5 5v14l11-7z",
  play: "M7 4v16l13-8z",
  pause: "M7 5v14M17 5v14",
  whole: "M4 12a8 8 0 1 0 2.6-5.9M4 3v5h5",
  more: "M5 12h14M12 5v14",
  less: "M5 12h14",
  cross: "M6 6l12 12M18 6L6 18",
  theme: "M20 14.5A8.5 8.5 0 1 1 9.5 4a7 7 0 0 0 10.5 10.5z",
});

/**
 * Returns a picture. It has no name of its own: the button has one.
 *
 * @param {keyof typeof shapes} name
 */
export function icon(name) {
  return svg("svg", { class: `icon ${name}`, viewBox: "0 0 24 24", width: 15, height: 15, "aria-hidden": "true" }, svg("path", { d: shapes[name] }));
}
