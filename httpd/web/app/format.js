/** Times, spans and amounts as people read them. */

import { h } from "./dom.js";

const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const dayOfYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const second = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const minute = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const whole = new Intl.NumberFormat("en");

/** @param {number} n */
export const count = (n) => whole.format(n).replaceAll(",", "\u202f");

/** @param {number} n @param {string} one @param {string} [many] */
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

/**
 * Returns the milliseconds of a time as the API writes it, 0 for none.
 *
 * @param {string | null | undefined} text
 */
export const ms = (text) => (text ? Date.parse(text) : 0);

/** @param {number} at */
export const utc = (at) => `${new Date(at).toISOString().replace("T", " ").replace("Z", "")} UTC`;

/**
 * Returns a time in the viewer's zone: the time of day, with the day unless it is today.
 *
 * @param {number} at
 */
export function moment(at) {
  const date = new Date(at);
  const now = new Date();
  if (date.toDateString() === now.toDateString()) return second.format(date);
  return `${(date.getFullYear() === now.getFullYear() ? day : dayOfYear).format(date)}, ${second.format(date)}`;
}

/**
 * Returns a short label for an axis that spans so many milliseconds.
 *
 * @param {number} at
 * @param {number} span
 */
export function tick(at, span) {
  const date = new Date(at);
  if (date.getMilliseconds() > 0 && span <= 10e3) return `${second.format(date)}.${String(date.getMilliseconds()).padStart(3, "0").replace(/0+$/, "")}`;
  if (span <= 10 * 60e3) return second.format(date);
  if (span <= 36 * 3600e3) return minute.format(date);
  if (span <= 12 * 86400e3) return `${day.format(date)} ${minute.format(date)}`;
  return day.format(date);
}

/**
 * Returns an element with a time in the viewer's zone, and UTC when pointed at.
 *
 * @param {number} at
 * @param {string} [text]
 */
export function time(at, text = moment(at)) {
  if (!at) return h("span", { class: "faint" }, "–");
  return h("time", { datetime: new Date(at).toISOString(), title: utc(at) }, text);
}

/**
 * Returns a span of time in at most two units.
 *
 * @param {number} seconds
 */
export function span(seconds) {
  const s = Math.max(0, seconds);
  if (s < 1 && s > 0) return `${Math.round(s * 1000)} ms`;
  if (s < 10 && s % 1) return `${s.toFixed(1)} s`;
  if (s < 60) return `${Math.floor(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${pad(s % 60)} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${pad((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${pad((s % 86400) / 3600)} h`;
}

/** @param {number} n */
const pad = (n) => String(Math.floor(n)).padStart(2, "0");

/** @param {number} n */
export function bytes(n) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let i = 0;
  let v = n;
  while (v >= 999.5 && i < units.length - 1) {
    v /= 1000;
    i++;
  }
  return `${i === 0 || v >= 99.5 ? Math.round(v) : v.toFixed(1)} ${units[i]}`;
}

/** @param {number} n */
export const rate = (n) => `${bytes(n)}/s`;

/**
 * Returns the name in a link of the API, as in /services/orders.
 *
 * @param {string | null} link
 */
export function nameOf(link) {
  if (!link) return "";
  const last = link.slice(link.lastIndexOf("/") + 1);
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

/**
 * Returns the key by which a name is found: capitals and blanks do not matter.
 *
 * @param {string} name
 */
export const keyOf = (name) => name.normalize("NFC").toLowerCase().replaceAll(" ", "-");

/** The service of the API's own clients, such as this page. */
export const ownService = "gatebook";
