/** A photo from the computer's camera. */

import { h } from "./dom";

/** Open the camera in a dialog; the photo as JPEG, or null when the dialog was closed. */
export async function takePhoto(): Promise<Blob | null> {
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (!devices)
    throw new Error("The browser gives this page no camera: open it at localhost or over https, or choose a photo.");
  let stream: MediaStream;
  try {
    stream = await devices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1920 } }, audio: false });
  } catch {
    throw new Error("No camera could be opened: allow it for this page, or choose a photo instead.");
  }
  const video = h("video", { autoplay: true, playsinline: true, class: "viewfinder", "aria-label": "The camera's picture" });
  video.muted = true;
  video.srcObject = stream;
  const dialog = h("dialog", { class: "dialog", "aria-label": "Take a photo" });
  const photo = await new Promise<Blob | null>((resolve) => {
    const shoot = async (): Promise<void> => {
      const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
      canvas.getContext("2d")?.drawImage(video, 0, 0);
      resolve(await canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 }));
    };
    const button = h("button", { type: "button", class: "primary", disabled: true, click: () => void shoot() }, "Take the photo");
    video.addEventListener("loadeddata", () => {
      button.disabled = false; // before, there is no picture
    });
    dialog.append(
      video,
      h(
        "div",
        { class: "actions" },
        button,
        h("button", { type: "button", click: () => resolve(null) }, "Cancel"),
      ),
    );
    dialog.addEventListener("cancel", () => resolve(null));
    document.body.append(dialog);
    dialog.showModal();
  });
  for (const track of stream.getTracks()) track.stop();
  dialog.close();
  dialog.remove();
  return photo;
}
