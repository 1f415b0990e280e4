// The pages work without this file. With it an item is decided in its place, and what colleagues do is shown as it happens.
"use strict";

const told = () => document.getElementById("told");
const lane = () => document.getElementById("live")?.dataset.lane;

// A failure that the page cannot show in its place: say so, and leave everything as it is.
document.body.addEventListener("htmx:responseError", (event) => {
  const isSignedOut = event.detail.xhr.status === 401 || event.detail.xhr.status === 403;
  told().className = "notice warn";
  told().textContent = isSignedOut ? document.body.dataset.signedOut : document.body.dataset.wentWrong;
  told().scrollIntoView({ block: "nearest" });
});
document.body.addEventListener("htmx:sendError", () => {
  told().className = "notice warn";
  told().textContent = document.body.dataset.wentWrong;
  told().scrollIntoView({ block: "nearest" });
});

// The keyboard stays where the work is when an item takes another's place.
document.body.addEventListener("htmx:afterSwap", (event) => {
  const path = event.detail.requestConfig?.path ?? "";
  const id = event.detail.target?.id ?? "";
  if (id.startsWith("flag-")) {
    const shown = document.getElementById(id) ?? document.querySelector("[data-swapped]");
    shown?.focus({ preventScroll: true });
  } else if (id.startsWith("state-") && path.includes("/state")) {
    lockForm(event.detail.target);
  }
});

// A colleague's claim or decision closes the form and touches nothing that is being read.
function lockForm(state) {
  const isClosed = state.querySelector("[data-closed]") !== null;
  const item = state.closest(".item");
  item.querySelectorAll(".decide fieldset, .pick input").forEach((part) => { part.disabled = isClosed; });
  item.querySelectorAll(".pick input").forEach((box) => { if (isClosed) box.checked = false; });
}

const newItems = new Set();

function showNew() {
  const pill = document.getElementById("new-items");
  const words = newItems.size === 1 ? pill.dataset.one : pill.dataset.many.replace("{n}", newItems.size);
  pill.querySelector("a").textContent = words;
  pill.hidden = newItems.size === 0;
}

function onQueueEvent(event) {
  const what = JSON.parse(event.data);
  if (what.flag_id === undefined || what.by_me) return;
  const state = document.getElementById(`state-${what.flag_id}`);
  if (state) {
    const address = `${document.getElementById("live").dataset.item}${what.flag_id}/state?lane=${lane()}`;
    htmx.ajax("GET", address, { target: `#state-${what.flag_id}`, swap: "innerHTML" });
  } else if (what.kind === "flag_opened" || what.undoes) {
    if (what.lanes.includes(lane()) && !document.getElementById(`flag-${what.flag_id}`)) newItems.add(what.flag_id);
  } else if (what.status !== "open") {
    newItems.delete(what.flag_id);
  }
  showNew();
}

const live = document.getElementById("live");
if (live && live.dataset.events) {
  const source = new EventSource(live.dataset.events);
  source.addEventListener("queue", onQueueEvent);
  window.addEventListener("pagehide", () => source.close());
}

// Shortcuts: j and k go through the items, the other keys press a button of the item that has the focus.
const keys = document.getElementById("keys");
const KEYS_OFF = "klankbord-keys-off";

function isTyping(target) {
  return target.closest("textarea, select, [contenteditable], input:not([type='checkbox'])") !== null;
}

function focusedItem() {
  return document.activeElement.closest(".item");
}

// Where nothing has the focus, the way leads on from what is on the screen.
function neighbour(step) {
  const items = [...document.querySelectorAll("#live .item")];
  const at = items.indexOf(focusedItem());
  if (at >= 0) return items[at + step];
  const below = items.findIndex((item) => item.getBoundingClientRect().bottom > 0);
  return step > 0 ? items[below] : items[below - 1];
}

function go(step) {
  const next = neighbour(step) ?? (step > 0 ? document.querySelector(".pages a[rel='next']") : null);
  if (!next) return;
  document.body.classList.add("by-keys");
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: next.matches(".item") ? "start" : "nearest" });
}

function pressed(key) {
  const item = focusedItem();
  if (!item) return null;
  if (key === "c") return item.querySelector(".state form[action$='/claim'] button");
  return /^[1-9]$/.test(key) ? item.querySelectorAll(".decide button[name='action']")[Number(key) - 1] : null;
}

function onKey(event) {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
  if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
  if (event.key === "?") return keys.showModal();
  if (localStorage.getItem(KEYS_OFF)) return;
  if (event.key === "j" || event.key === "k") return go(event.key === "j" ? 1 : -1);
  // A key that is held down must not decide one item after the other.
  if (!event.repeat) pressed(event.key)?.click();
}

if (keys) {
  const areOn = keys.querySelector("input");
  areOn.checked = !localStorage.getItem(KEYS_OFF);
  areOn.addEventListener("change", () => {
    if (areOn.checked) localStorage.removeItem(KEYS_OFF);
    else localStorage.setItem(KEYS_OFF, "1");
    document.body.classList.remove("by-keys");
  });
  const opener = document.getElementById("show-keys");
  opener.hidden = false;
  opener.addEventListener("click", () => keys.showModal());
  document.addEventListener("keydown", onKey);
}
