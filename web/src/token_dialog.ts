/** Asks for the server's token, which is kept until the browser's tab is closed. */

import { hasToken, setToken } from "./api";
import { h } from "./dom";

/** True once a token was given; false when the dialog was closed. */
export function askToken(): Promise<boolean> {
  return new Promise((resolve) => {
    const input = h("input", {
      type: "password",
      autocomplete: "off",
      required: true,
      "aria-label": "Token",
      "data-testid": "token",
    });
    const end = (given: boolean): void => {
      dialog.close();
      dialog.remove();
      resolve(given);
    };
    const form = h(
      "form",
      {
        submit: (event: SubmitEvent) => {
          event.preventDefault();
          if (input.value.trim() === "") return;
          setToken(input.value.trim());
          end(true);
        },
      },
      h("h2", {}, "This server wants a token"),
      h(
        "p",
        {},
        hasToken()
          ? "That isn't the server's token: enter the one that it was started with."
          : "Enter the one that it was started with.",
      ),
      input,
      h(
        "div",
        { class: "actions" },
        h("button", { type: "submit", class: "primary", "data-testid": "token-ok" }, "Go on"),
        h("button", { type: "button", click: () => end(false) }, "Cancel"),
      ),
    );
    const dialog = h("dialog", { class: "dialog", "aria-label": "Token" }, form);
    dialog.addEventListener("cancel", () => end(false));
    document.body.append(dialog);
    dialog.showModal();
    input.focus();
  });
}
