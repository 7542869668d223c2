/** Dark or light: as the system says, until the button says otherwise. */

import { h, icon, ICONS } from "./dom";

const KEY = "leadline-theme";

function isDark(): boolean {
  const chosen = document.documentElement.dataset["theme"];
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

export function themeButton(): HTMLButtonElement {
  const button = h("button", { type: "button", class: "plain round", "data-testid": "theme" });
  const refresh = (): void => {
    const other = isDark() ? "light" : "dark";
    button.replaceChildren(icon(isDark() ? ICONS.sun : ICONS.moon));
    button.setAttribute("aria-label", `Use ${other} colours`);
    button.title = `Use ${other} colours`;
  };
  const chosen = localStorage.getItem(KEY);
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset["theme"] = chosen;
  button.addEventListener("click", () => {
    const other = isDark() ? "light" : "dark";
    document.documentElement.dataset["theme"] = other;
    localStorage.setItem(KEY, other);
    refresh();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", refresh);
  refresh();
  return button;
}
