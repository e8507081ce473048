/** Sign-in: by an account's name and password, or by a token. */

import { get } from "../app/api.js";
import { fill, h } from "../app/dom.js";

/**
 * Returns the view. done is called with the viewer when that has worked.
 *
 * @param {{why: string, done: (viewer: import("../app/types.js").Viewer) => void}} options
 */
export function signInView({ why, done }) {
  const name = h("input", { name: "name", autocomplete: "username", autocapitalize: "none", spellcheck: "false", required: true });
  const password = h("input", { name: "password", type: "password", autocomplete: "current-password", required: true });
  const token = h("input", { name: "token", type: "password", autocomplete: "off", spellcheck: "false", placeholder: "gatebook_…" });
  const said = h("p", { class: "said", role: "alert" }, why);
  const button = h("button", { type: "submit", class: "primary" }, "Sign in");
  const byName = h("div", { class: "fields" }, h("label", {}, "Account", name), h("label", {}, "Password", password));
  const byToken = h("div", { class: "fields", hidden: true }, h("label", {}, "Token", token));
  const other = h("button", { type: "button", class: "link", onclick: () => swap() }, "Use a token instead");

  const swap = () => {
    const tokens = Boolean(byToken.hidden);
    byToken.hidden = !tokens;
    byName.hidden = tokens;
    name.required = password.required = !tokens;
    token.required = tokens;
    fill(other, tokens ? "Use an account and a password instead" : "Use a token instead");
    (tokens ? token : name).focus();
  };

  /** @param {Event} event */
  const submit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    fill(said);
    try {
      const body = byToken.hidden ? { name: name.value, password: password.value } : { token: token.value.trim() };
      done(await get("sign-in", { method: "POST", body }));
    } catch (error) {
      fill(said, /** @type {Error} */ (error).message);
      password.value = "";
      (byToken.hidden ? password : token).focus();
    } finally {
      button.disabled = false;
    }
  };
  return h(
    "main",
    { class: "signin" },
    h(
      "form",
      { onsubmit: submit },
      h("img", { src: "web/style/icon.svg", alt: "", width: 44, height: 44 }),
      h("h1", {}, "Gatebook"),
      h("p", { class: "faint" }, "Who is at the gate, and who was."),
      said,
      byName,
      byToken,
      button,
      other,
    ),
  );
}
