/** The proof that the records of a session are in the log whose head the server has signed. */

import { get, request } from "../app/api.js";
import { fill, h } from "../app/dom.js";
import { count, plural } from "../app/format.js";

/** How many records are checked at most. */
const mostChecked = 200;

/** @param {string} text */
const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

/** @param {Uint8Array} a @param {Uint8Array} b */
const same = (a, b) => a.length === b.length && a.every((v, i) => v === b[i]);

/**
 * Returns the hash of RFC 6962: of a leaf after the byte 0, of a node after the byte 1.
 *
 * @param {number} kind
 * @param {Uint8Array[]} parts
 */
async function hash(kind, ...parts) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", await new Blob([Uint8Array.of(kind), .../** @type {BlobPart[]} */ (parts)]).arrayBuffer()));
}

/**
 * Returns the root of a tree of so many leaves that a proof leads to (RFC 9162, 2.1.3.2), null
 * when it leads to none.
 *
 * @param {Uint8Array} leaf
 * @param {number} index
 * @param {number} size
 * @param {Uint8Array[]} proof
 */
async function rootOf(leaf, index, size, proof) {
  let root = await hash(0, leaf);
  let [at, last] = [index, size - 1];
  for (const beside of proof) {
    if (last === 0) return null;
    if (at % 2 === 1 || at === last) {
      root = await hash(1, beside, root);
      for (; at % 2 === 0 && at !== 0; last = Math.floor(last / 2)) at = at / 2;
    } else root = await hash(1, root, beside);
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 ? root : null;
}

export class Proof {
  /** @type {import("../app/types.js").LogRecord[]} */
  #trail = [];
  #said = h("p", { role: "status" }, "The server signs heads of its log. This page can check that the log of the newest one has the records of this session: it computes the hashes itself. The signature it does not check: docs/API.md says how to, with a key that you have kept.");
  #button = h("button", { type: "button", class: "quiet", onclick: () => this.#check() }, "Check the proofs");
  element = h("section", { class: "proof", "aria-label": "Proof" }, h("h2", {}, "Proof"), this.#said, this.#button);

  /** @param {import("../app/types.js").LogRecord[]} trail */
  show(trail) {
    this.#trail = trail;
  }

  async #check() {
    this.#button.disabled = true;
    try {
      fill(this.#said, await this.#checked());
    } catch (error) {
      fill(this.#said, `It could not be checked: ${/** @type {Error} */ (error).message}`);
    } finally {
      this.#button.disabled = false;
    }
  }

  /** Checks the records, and returns what is to be said. */
  async #checked() {
    if (!globalThis.crypto?.subtle) return "The browser computes hashes for this machine's addresses and under TLS alone, so that the proofs cannot be checked here.";
    const head = (await (await request("log/checkpoint", { accept: "*/*" })).text()).split("\n");
    const [size, root] = [Number(head[1]), bytesOf(head[2])];
    const covered = this.#trail.filter((r) => r.sequence <= size);
    for (const [n, r] of covered.slice(0, mostChecked).entries()) {
      if (n % 10 === 0) fill(this.#said, `Checking record ${n + 1} of ${covered.length} …`);
      const [stored, found] = await Promise.all([get(`log/records/${r.sequence}`), get(`log/proof/inclusion?sequence=${r.sequence}&size=${size}`)]);
      const reached = await rootOf(bytesOf(stored.leaf), r.sequence - 1, size, found.proof.map(bytesOf));
      if (!reached || !same(reached, root)) return h("b", { class: "bad" }, `Record ${count(r.sequence)} is not in the log of the signed head: the proof does not lead to its root.`);
    }
    const checked = Math.min(covered.length, mostChecked);
    const rest = this.#trail.length - checked;
    return [h("b", {}, `${plural(checked, "record")} of this session ${checked === 1 ? "is" : "are"} in the log of the signed head`), ` of ${plural(size, "record")}, whose root is `, h("code", {}, head[2]), ".", rest > 0 ? ` ${plural(rest, "other")} ${covered.length > checked ? "were not checked" : "came after that head"}.` : ""];
  }
}
