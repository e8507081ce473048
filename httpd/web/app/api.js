/** Requests to the API. Every address is relative to the page, so that it works below any path. */

import { h } from "./dom.js";
import { keyOf, ownService } from "./format.js";

/** The address that all requests are relative to. */
export const base = new URL(".", document.baseURI);

/** An answer that is no success, in the server's words; status is 0 when there was no answer. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} title
   * @param {string} description
   */
  constructor(status, title, description) {
    super(description || title);
    this.status = status;
    this.title = title;
  }
}

/** Where the page hears that it is signed in no more. */
export const signedOut = new EventTarget();

/**
 * Returns the answer to a request. It throws an [ApiError] unless that is a success.
 *
 * @param {string} path relative, with its query
 * @param {{method?: string, accept?: string, signal?: AbortSignal, body?: unknown}} [options]
 */
export async function request(path, { method = "GET", accept = "application/json", signal, body } = {}) {
  /** @type {Record<string, string>} */
  const headers = { Accept: accept, "Gatebook-Page": "1" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(new URL(path, base), { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body), cache: "no-store" });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "Not connected", "The server cannot be reached.");
  }
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => ({}));
  if (answer.status === 401 && path !== "sign-in") signedOut.dispatchEvent(new Event("signed-out"));
  throw new ApiError(answer.status, said.error ?? answer.statusText, said.description ?? `The answer was ${answer.status}.`);
}

/**
 * Returns the JSON answer to a request.
 *
 * @param {string} path
 * @param {{method?: string, signal?: AbortSignal, body?: unknown}} [options]
 * @returns {Promise<any>}
 */
export async function get(path, options) {
  const answer = await request(path, options);
  return answer.status === 204 ? null : answer.json();
}

/**
 * Yields the lines of a body, as many at a time as have arrived.
 *
 * @param {Response} answer
 * @returns {AsyncGenerator<string[]>}
 */
export async function* lines(answer) {
  if (!answer.body) return;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const all = (rest + value).split("\n");
    rest = all.pop() ?? "";
    yield all;
  }
  if (rest) yield [rest];
}

/**
 * Returns the address of the page after an answer, "" when that was the last one. Of the link
 * only the query is taken: a proxy may show the API at another path than the server knows.
 *
 * @param {Response} answer
 */
export function nextPage(answer) {
  const link = /<([^>]*)>; rel="next"/.exec(answer.headers.get("Link") ?? "");
  if (!link) return "";
  const here = new URL(answer.url);
  here.search = new URL(link[1], here).search;
  return here.href;
}

/**
 * Returns the query of parameters; empty ones are left out.
 *
 * @param {Record<string, string | number | string[] | undefined | null>} params
 */
export function query(params) {
  const q = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "") q.append(name, String(one));
    }
  }
  const text = q.toString();
  return text ? `?${text}` : "";
}

/**
 * Has the browser save a text as a file.
 *
 * @param {string} name
 * @param {Blob} content
 */
export function save(name, content) {
  const address = URL.createObjectURL(content);
  const link = h("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** How many services a request names at most. */
const mostServices = 60;

/**
 * Returns the names of all services but that of the API's own clients, for a request that
 * leaves those out; null where there are more than a request may name.
 *
 * @returns {Promise<string[] | null>}
 */
export async function otherServices() {
  /** @type {{name: string}[]} */
  const all = await get("services?fields=name");
  const names = all.map((s) => keyOf(s.name)).filter((name) => name !== ownService);
  return names.length > mostServices ? null : names;
}
