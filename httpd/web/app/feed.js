/**
 * The stream of records. A browser has one, however many tabs show the page: the tab that holds
 * a lock reads it, and passes what it reads to the others. Where the browser has no locks (a page
 * that is not at localhost and not over TLS) each tab reads a stream of its own.
 */

import { ApiError, base, lines, request } from "./api.js";

/**
 * @typedef {import("./types.js").LogRecord} LogRecord
 * @typedef {import("./types.js").Observation} Observation
 * @typedef {import("./types.js").FeedState} FeedState
 * @typedef {{records: LogRecord[], observations: Observation[], place: string}} Batch
 */

/** How long records are gathered before they are passed on, in milliseconds. */
const gather = 200;
/** How long to wait before each further attempt, in milliseconds. */
const waits = [500, 1000, 2000, 4000, 8000, 15000];

export class Feed {
  /** @type {((batch: Batch) => void)[]} */
  #readers = [];
  /** @type {((state: FeedState) => void)[]} */
  #watchers = [];
  /** @type {FeedState} */
  state = { name: "connecting", since: Date.now(), why: "", retry: 0 };
  /** Where the stream goes on: a sequence, and with what the server has sent the mark of its log. */
  #place = "";
  /** Reads the stream itself. */
  leads = false;
  #channel = new BroadcastChannel(`gatebook-feed ${base.href}`);
  #stopped = new AbortController();
  /** @type {() => void} */
  #hurry = () => {};
  /** Is called when the log is another one than that of the position. */
  onreset = () => {};

  constructor() {
    this.#channel.onmessage = ({ data }) => this.#heard(data);
    const { signal } = this.#stopped;
    addEventListener("online", () => this.#hurry(), { signal });
    // A page that is kept for the way back would keep the lock, too.
    addEventListener("pagehide", () => this.stop(), { signal });
  }

  /** @param {(batch: Batch) => void} reader @returns {() => void} stops it */
  read(reader) {
    this.#readers.push(reader);
    return () => {
      this.#readers = this.#readers.filter((r) => r !== reader);
    };
  }

  /** @param {(state: FeedState) => void} watcher @returns {() => void} stops it */
  watch(watcher) {
    this.#watchers.push(watcher);
    watcher(this.state);
    return () => {
      this.#watchers = this.#watchers.filter((w) => w !== watcher);
    };
  }

  /**
   * Begins after a record, unless another tab has passed on later ones meanwhile.
   *
   * @param {number} position
   */
  start(position) {
    if (Number.parseInt(this.#place || "0", 10) < position) this.#place = String(position);
    this.#channel.postMessage({ hello: true });
    const { signal } = this.#stopped;
    if (!navigator.locks) {
      this.#lead(signal);
      return;
    }
    navigator.locks.request(`gatebook-feed ${base.href}`, { signal }, () => this.#lead(signal)).catch(() => {});
  }

  stop() {
    this.#stopped.abort();
    this.#channel.close();
  }

  /** Tries at once. */
  retry() {
    this.#hurry();
    if (!this.leads) this.#channel.postMessage({ hurry: true });
  }

  #reset() {
    this.leads = false;
    this.#place = "";
    this.onreset();
  }

  /** @param {{batch?: Batch, state?: FeedState, hello?: boolean, hurry?: boolean, reset?: boolean}} data */
  #heard(data) {
    if (data.reset) this.#reset();
    if (data.hello && this.leads) this.#channel.postMessage({ state: this.state });
    if (data.hurry && this.leads) this.#hurry();
    if (this.leads) return;
    if (data.state) this.#become(data.state);
    if (data.batch) this.#pass(data.batch);
  }

  /** @param {FeedState} state */
  #become(state) {
    this.state = state;
    if (this.leads) this.#channel.postMessage({ state });
    for (const watcher of this.#watchers) watcher(state);
  }

  /** @param {Batch} batch */
  #pass(batch) {
    this.#place = batch.place || this.#place;
    for (const reader of this.#readers) reader(batch);
  }

  /** @param {AbortSignal} signal */
  async #lead(signal) {
    this.leads = true;
    for (let failures = 0; !signal.aborted; ) {
      try {
        await this.#follow(signal, () => {
          failures = 0;
        });
        failures = Math.max(failures, 1); // the server has ended it
        this.#become({ name: "waiting", since: Date.now(), why: "The server has closed the stream.", retry: Date.now() + waits[0] });
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ApiError && error.status === 401) return;
        if (error instanceof ApiError && error.status === 400) {
          this.#channel.postMessage({ reset: true });
          this.#reset();
          return;
        }
        const retry = Date.now() + waits[Math.min(failures++, waits.length - 1)];
        const since = this.state.name === "waiting" ? this.state.since : Date.now();
        this.#become({ name: "waiting", since, why: error instanceof Error ? error.message : "", retry });
      }
      await this.#pause(this.state.retry - Date.now());
    }
  }

  /** @param {number} wait */
  #pause(wait) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, wait);
      this.#hurry = () => {
        clearTimeout(timer);
        resolve(undefined);
      };
    });
  }

  /**
   * @param {AbortSignal} signal
   * @param {() => void} connected
   */
  async #follow(signal, connected) {
    const answer = await request(`events?follow=true&observations=true&after=${this.#place}`, { accept: "text/event-stream", signal });
    connected();
    this.#become({ name: "live", since: Date.now(), why: "", retry: 0 });
    /** @type {Batch} */
    let batch = { records: [], observations: [], place: this.#place };
    let timer = 0;
    const flush = () => {
      clearTimeout(timer);
      timer = 0;
      const full = batch;
      batch = { records: [], observations: [], place: full.place };
      this.#channel.postMessage({ batch: full });
      this.#pass(full);
    };
    try {
      for await (const part of events(answer)) {
        for (const e of part) {
          if (e.id) batch.place = e.id;
          if (!e.data) continue;
          if (e.event === "observation") batch.observations.push(JSON.parse(e.data));
          else if (e.id) batch.records.push(JSON.parse(e.data));
        }
        // The timers of a tab that is not seen are late.
        if (document.hidden) flush();
        else timer ||= setTimeout(flush, gather);
      }
    } catch (error) {
      if (signal.aborted) throw error;
      throw new ApiError(0, "Not connected", "The connection to the server was cut.");
    } finally {
      flush();
    }
  }
}

/**
 * Yields server-sent events, as many at a time as have arrived.
 *
 * @param {Response} answer
 */
async function* events(answer) {
  let e = { id: "", event: "", data: "" };
  for await (const part of lines(answer)) {
    const all = [];
    for (const line of part) {
      if (line === "") {
        if (e.id || e.data) all.push(e);
        e = { id: "", event: "", data: "" };
      } else if (line.startsWith("data: ")) e.data += line.slice(6);
      else if (line.startsWith("id: ")) e.id = line.slice(4);
      else if (line.startsWith("event: ")) e.event = line.slice(7);
    }
    yield all;
  }
}
