/** Puts the page together. */

import "./style.css";
import { Alerts, busyCard } from "./alerts";
import { fetchAbout, fetchModels, hasToken } from "./api";
import { ComparePanel } from "./compare";
import { cameraCard, coloursCard, resultCard } from "./controls";
import { h, icon, ICONS } from "./dom";
import { downloadsCard } from "./downloads";
import { ApiError } from "./errors";
import { GlassPanel } from "./glass";
import { jobsView } from "./jobs";
import type { PanelHost } from "./panel";
import { predict } from "./predict";
import { recentStrip } from "./recent";
import { chooser, listenToWindow, startView, take, type StartActions } from "./start";
import { stereoView } from "./stereo";
import { Store, type Source } from "./store";
import { Tabs } from "./tabs";
import { themeButton } from "./theme";
import { askToken } from "./token_dialog";

type Mode = "photo" | "stereo" | "video";
const MODES: readonly (readonly [Mode, string])[] = [
  ["photo", "Photo"],
  ["stereo", "Stereo pair"],
  ["video", "Video"],
];

const store = new Store();
const alerts = new Alerts();
const live = h("p", { class: "visually-hidden", role: "status", "aria-live": "polite", "data-testid": "live" });

const host: PanelHost = {
  replace: (result) => store.replace(result),
  setFieldOfView: (degrees) => store.setFieldOfView(degrees),
  say: (sentence) => {
    live.textContent = sentence;
  },
};

/** Ask for the token when the server wants one, and do the work again. */
async function withToken<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 401) || !(await askToken())) throw error;
    }
  }
}

async function run(source: Source): Promise<void> {
  alerts.clear();
  try {
    await withToken(() => predict(store, source));
    history.replaceState(null, "", "#photo");
    window.scrollTo({ top: 0 });
    title.focus({ preventScroll: true }); // what had the focus is gone
    host.say(`${source.name}: the map is ready.`);
  } catch (error) {
    alerts.fail(error);
  }
}

const actions: StartActions = {
  photo: (file, name) => void run({ kind: "photo", file, name }),
  job: (file) => {
    setMode("video");
    jobs.start(file);
  },
  fail: alerts.fail,
};

const tabs = new Tabs(
  [
    { id: "compare", label: "Compare", make: () => Promise.resolve(new ComparePanel(store)) },
    { id: "scene", label: "3D", make: async () => (await import("./scene")).scenePanel(host) },
    { id: "measure", label: "Measure", make: async () => (await import("./measure")).measurePanel(host) },
    { id: "refocus", label: "Refocus", make: async () => (await import("./refocus")).refocusPanel(host) },
    { id: "glass", label: "Fix glass", make: () => Promise.resolve(new GlassPanel(store, alerts.fail)) },
  ],
  alerts.fail,
  () => layOut(),
);

const start = startView(actions);
const stereo = stereoView((source) => void run(source), alerts.fail);
const jobs = jobsView(store, alerts.fail);
const title = h("h1", { class: "result-name", tabindex: -1, "data-testid": "result-name" });
const another = chooser("Another photo file", "another-file", "image/*,.heic,.heif,.tif,.tiff", (files) =>
  take(files, actions),
);
const side = h(
  "aside",
  { class: "side", "aria-label": "Result" },
  coloursCard(store),
  cameraCard(store),
  resultCard(store),
  downloadsCard(store, alerts.fail),
);
const work = h(
  "section",
  { class: "work", "aria-label": "Result", "data-testid": "work" },
  h(
    "div",
    { class: "work-head" },
    title,
    tabs.list,
    h("button", { type: "button", "data-testid": "new-photo", click: () => showStart() }, icon(ICONS.plus), "New photo"),
    another,
  ),
  h("div", { class: "work-body" }, tabs.bodies, side),
);
const links = new Map(
  MODES.map(([mode, label]) => [mode, h("a", { href: `#${mode}`, class: "mode", "data-testid": `mode-${mode}` }, label)]),
);
const network = h("select", {
  class: "network",
  "aria-label": "Network",
  "data-testid": "model",
  hidden: true,
  change: () => (store.model = network.value),
});

let mode: Mode = "photo";
let starting = true;

function setMode(next: Mode, push = true): void {
  mode = next;
  starting = starting && store.current === null;
  if (push && location.hash.slice(1) !== next) history.replaceState(null, "", `#${next}`);
  layOut();
}

function showStart(): void {
  starting = true;
  mode = "photo";
  layOut();
  start.querySelector("button")?.focus();
}

function layOut(): void {
  const result = store.current?.result ?? null;
  const working = mode === "photo" && result !== null && !starting;
  start.hidden = mode !== "photo" || working;
  stereo.hidden = mode !== "stereo";
  jobs.element.hidden = mode !== "video";
  work.hidden = !working;
  work.dataset["tab"] = tabs.current;
  for (const [name, link] of links) {
    if (name === mode) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  tabs.show(working ? result : null);
}

store.on("result", () => {
  title.textContent = store.current?.source.name ?? "";
  layOut();
});
store.on("open", () => {
  starting = store.current === null;
  mode = "photo";
  tabs.offer("glass", store.current?.source.kind !== "stereo"); // pairs are matched, not looked through
  layOut();
});

async function greet(): Promise<void> {
  try {
    store.about = await fetchAbout(); // the server tells this without a token
    version.textContent = `leadline ${store.about.version}`;
    if (store.about.token_required && !hasToken()) await askToken();
    store.models = await withToken(fetchModels);
    store.model = store.models.find((model) => model.default)?.name ?? null;
    const choices = store.models.filter((model) => model.task === "depth");
    network.replaceChildren(...choices.map(({ name, notes }) => h("option", { value: name, title: notes }, name)));
    network.hidden = choices.length < 2;
    if (store.model) network.value = store.model;
    links.get("stereo")?.toggleAttribute("hidden", !store.about.stereo);
    store.emit("about");
  } catch (error) {
    alerts.fail(error);
  }
}

const version = h("span", { "data-testid": "version" });

document.body.append(
  h(
    "a",
    {
      class: "skip",
      href: "#main",
      click: (event: Event) => {
        event.preventDefault();
        main.focus();
      },
    },
    "Skip to the picture",
  ),
  h(
    "header",
    { class: "top" },
    h(
      "a",
      {
        href: "#photo",
        class: "brand",
        "aria-label": "leadline, start page",
        click: (event: Event) => {
          event.preventDefault();
          showStart();
        },
      },
      h("img", { src: "icon.svg", alt: "", width: 28, height: 28 }),
      h("span", {}, "leadline"),
    ),
    h("nav", { class: "modes", "aria-label": "What to open" }, ...links.values()),
    h("div", { class: "top-end" }, network, themeButton()),
  ),
);
const main = h("main", { id: "main", tabindex: -1 }, alerts.element, start, work, stereo, jobs.element, recentStrip(store));
document.body.append(
  main,
  h(
    "footer",
    { class: "foot" },
    version,
    h("a", { href: "docs" }, "API"),
    h("a", { href: "licences.txt" }, "Licences"),
    h("span", {}, "Nothing is loaded from other hosts."),
  ),
  h("div", { class: "drop-veil", "aria-hidden": "true" }, h("p", {}, "Drop it here")),
  busyCard(store),
  live,
);

addEventListener("hashchange", () => {
  const wanted = location.hash.slice(1);
  if (wanted === "photo" || wanted === "stereo" || wanted === "video") setMode(wanted, false);
});
listenToWindow(actions);
const wanted = location.hash.slice(1);
setMode(wanted === "stereo" || wanted === "video" ? wanted : "photo", false);
void greet();
