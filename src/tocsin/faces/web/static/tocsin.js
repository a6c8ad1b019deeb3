/* What the pages do better with JavaScript: clocks that run, times in the reader's zone, a live timeline,
   forms that stay where they are. Every page works without it. */
"use strict";

const skew = (() => {
  const now = document.documentElement.dataset.now;
  return now ? Date.parse(now) - Date.now() : 0;
})();
const near = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", timeZoneName: "short" });
const far = new Intl.DateTimeFormat(undefined, {
  weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
});
const NEAR_MS = 18 * 3600 * 1000;

/* In the reader's zone; the day only where it is not plain from the time. */
function inZone(at) {
  return (Math.abs(at - (Date.now() + skew)) < NEAR_MS ? near : far).format(at);
}

function localise(root) {
  for (const time of root.querySelectorAll("time[data-local][datetime]")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) {
      time.title = time.title || time.textContent;
      time.textContent = inZone(at);
    }
  }
}

function span(seconds) {
  const parts = [[Math.floor(seconds / 86400), "d"], [Math.floor((seconds % 86400) / 3600), "h"],
    [Math.floor((seconds % 3600) / 60), "min"], [seconds % 60, "s"]];
  const first = Math.max(parts.findIndex(([count]) => count > 0), 0);
  if (seconds < 3600) {
    const two = (number) => String(number).padStart(2, "0");
    return `${two(parts[2][0])}:${two(parts[3][0])}`;
  }
  return parts.slice(first, first + 2).filter(([count]) => count).map((part) => part.join(" ")).join(" ");
}

function tick() {
  const now = Date.now() + skew;
  for (const time of document.querySelectorAll("time[data-countdown]")) {
    const left = Math.round((Date.parse(time.dateTime) - now) / 1000);
    const text = left < 0 ? `${span(-left)} late` : `${span(left)} left`;
    if (time.textContent !== text) time.textContent = text;
    time.classList.toggle("late", left < 0);
    time.closest(".clock")?.classList.toggle("late", left < 0);
  }
}

function showCopy(root) {
  for (const button of root.querySelectorAll("button[data-copy]")) button.hidden = !navigator.clipboard;
}

async function copy(button) {
  const code = document.getElementById(button.dataset.copy);
  const before = button.firstChild.textContent;
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.firstChild.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(code);
    button.firstChild.textContent = "Selected";
  }
  setTimeout(() => { button.firstChild.textContent = before; }, 1500);
}

function say(text, refused) {
  const place = document.getElementById("said");
  const line = document.createElement("p");
  line.className = refused ? "said refused" : "said";
  line.textContent = text;
  place.replaceChildren(line);
  if (place.getBoundingClientRect().top < 0) place.scrollIntoView({ block: "nearest" });
}

/* A region that somebody is typing into, or has typed into, is left alone. */
function inUse(region) {
  const active = document.activeElement;
  if (region.contains(active) && active.matches("input, textarea, select")) return true;
  return [...region.querySelectorAll("textarea, input:not([type=hidden])")].some((field) => field.value !== field.defaultValue);
}

function swap(fresh, force) {
  for (const old of document.querySelectorAll("[data-region]")) {
    const next = fresh.getElementById(old.id);
    if (!next || (inUse(old) && !old.contains(force))) continue;
    for (const details of old.querySelectorAll("details[id]")) {
      const twin = next.querySelector(`#${CSS.escape(details.id)}`);
      if (twin && !(details.matches(".command") && details.contains(force))) twin.open = details.open;
    }
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    const again = focused && whereIs(focused, old);
    localise(next);
    showCopy(next);
    old.replaceWith(next);
    again?.(next)?.focus({ preventScroll: true });
  }
  tick();
}

/* Finds the same control again after its region was replaced, so that the keyboard stays where it was. */
function whereIs(element, region) {
  const same = (root) => [...root.querySelectorAll("button, a, summary")];
  const place = same(region).indexOf(element);
  return place < 0 ? null : (root) => same(root)[place];
}

let asked = 0;
async function refresh() {
  const mine = ++asked;
  await new Promise((done) => setTimeout(done, 250));
  if (mine !== asked) return;
  const answer = await fetch(location.pathname + location.search, { headers: { Accept: "text/html" } });
  if (answer.redirected) location.reload();
  else if (answer.ok) swap(new DOMParser().parseFromString(await answer.text(), "text/html"), null);
}

async function send(form, button) {
  const body = new URLSearchParams(new FormData(form, button));
  const buttons = [...form.querySelectorAll("button")];
  buttons.forEach((each) => each.setAttribute("aria-busy", "true"));
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "text/html" } });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const told = fresh.querySelector("#said .said");
    const refused = !answer.ok || Boolean(told?.classList.contains("refused"));
    if (!fresh.querySelector("[data-room]")) {
      say(answer.ok ? "Sign in again; what you wrote is still here." : fresh.querySelector("main p:not(.soft)")?.textContent ?? "That did not work.", true);
      return;
    }
    if (!refused) {
      form.reset();
      form.closest("details.command")?.removeAttribute("open");
    }
    swap(fresh, refused ? null : form);
    if (told) say(told.textContent, refused);
  } catch {
    say("The server does not answer. What you wrote is still here; try again.", true);
  } finally {
    buttons.forEach((each) => each.removeAttribute("aria-busy"));
  }
}

function lineOf(line) {
  const item = document.getElementById("line-template").content.firstElementChild.cloneNode(true);
  item.classList.add(`weight-${line.weight}`);
  item.dataset.seq = line.seq;
  const time = item.querySelector("time");
  time.dateTime = line.at;
  time.textContent = inZone(new Date(line.at));
  item.querySelector(".line-who").textContent = line.who;
  item.querySelector(".line-text").textContent = line.text;
  return item;
}

function addLine(line) {
  const every = document.getElementById("every-line");
  if (every.querySelector(`[data-seq="${CSS.escape(String(line.seq))}"]`)) return;
  every.prepend(lineOf(line));
  document.getElementById("count").textContent = every.children.length;
  if (line.weight !== "detail") document.getElementById("timeline").prepend(lineOf(line));
}

function follow() {
  const room = document.querySelector("[data-room]");
  if (room) {
    const stream = new EventSource(`/api/v1/incidents/${room.dataset.room}/timeline?follow=1&after=${room.dataset.after}`);
    stream.addEventListener("line", (event) => { addLine(JSON.parse(event.data)); refresh(); });
  }
  const list = document.querySelector("[data-follow]");
  if (list) new EventSource(list.dataset.follow).addEventListener("changed", refresh);
}

function preview(form) {
  for (const slot of form.querySelectorAll("[data-slot]")) {
    const field = form.elements[`value.${slot.dataset.slot}`];
    const value = field ? field.value.trim() : "";
    slot.textContent = value || slot.dataset.blank;
    slot.classList.toggle("blank", !value);
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.closest("[data-room]") || form.method !== "post") return;
  event.preventDefault();
  send(form, event.submitter);
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-copy]");
  if (button) copy(button);
});
document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-draft]");
  if (form) preview(form);
});
document.addEventListener("toggle", (event) => {
  if (event.target.matches?.("details.command[open]")) event.target.querySelector("textarea, input:not([type=hidden]), select")?.focus();
}, true);

localise(document);
showCopy(document);
tick();
setInterval(tick, 1000);
follow();
