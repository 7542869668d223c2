/** The blur on the graphics card (WebGL 2), strip by strip, so that neither page nor driver is held up. */

import { tapsOf } from "./lens_blur";
import { COPY, GATHER, LAYERS, VERTEX } from "./shaders";

export interface Look {
  /** Disparity that is sharp, 0 (far) to 1 (near). */
  readonly focus: number;
  /** Radius of the blur of a point a whole disparity range off the focus, as a share of the picture's width. */
  readonly aperture: number;
  /** Corners of the aperture, 0 for a round one. */
  readonly blades: number;
  /** How much brighter clipped highlights are taken to be. */
  readonly highlights: number;
  /** Samples a pixel: 60 for a draft, 600 for the best. */
  readonly samples: number;
}

/** No disc is larger than this share of the picture's width. */
const LARGEST = 0.06;
const CROWDING = 1.7;
const STRIP_MS = 40;
const FEWEST_SAMPLES = 40;
const MOST_SAMPLES = 1024;

export class RefocusRenderer {
  readonly width: number;
  readonly height: number;
  /** Whether the processor does the card's work: a hundred times as slow. */
  readonly software: boolean;
  private readonly gl: WebGL2RenderingContext;
  private readonly textures: WebGLTexture[] = [];
  private readonly layers: WebGLProgram;
  private readonly gather: WebGLProgram;
  private readonly copy: WebGLProgram;
  private readonly drawn: WebGLTexture;
  private readonly layerTarget: WebGLFramebuffer;
  private readonly target: WebGLFramebuffer;
  private readonly names: Record<"picture" | "disparity" | "behind" | "before" | "even" | "crowded", WebGLTexture>;
  private run = 0;
  /** Milliseconds that one sample of one pixel took, by the last draw; NaN before it. */
  private cost = Number.NaN;

  /**
   * @param canvas drawn on; its size becomes that of the result.
   * @param picture at the size of the result, top row first.
   * @param disparity between 0 and 1, of any size.
   *
   * Throws if the browser has no WebGL 2 or the picture is too large for it.
   */
  constructor(
    private readonly canvas: HTMLCanvasElement, picture: HTMLCanvasElement,
    disparity: { readonly values: Float32Array; readonly width: number; readonly height: number },
  ) {
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false, powerPreference: "high-performance" });
    if (gl === null) throw new Error("no WebGL 2");
    this.gl = gl;
    this.software = /swiftshader|llvmpipe|software|basic render/i.test(rendererName(gl));
    this.width = canvas.width = picture.width;
    this.height = canvas.height = picture.height;
    if (Math.max(this.width, this.height) > (gl.getParameter(gl.MAX_TEXTURE_SIZE) as number)) throw new Error("too large");
    this.layers = this.program(LAYERS);
    this.gather = this.program(GATHER);
    this.copy = this.program(COPY);
    const levels = Math.floor(Math.log2(Math.max(this.width, this.height))) + 1;
    this.names = {
      picture: this.texture(gl.SRGB8_ALPHA8, this.width, this.height, levels),
      disparity: this.texture(gl.R16F, disparity.width, disparity.height, 1),
      behind: this.texture(gl.SRGB8_ALPHA8, this.width, this.height, levels),
      before: this.texture(gl.SRGB8_ALPHA8, this.width, this.height, levels),
      even: this.texture(gl.RGBA32F, MOST_SAMPLES, 1, 1),
      crowded: this.texture(gl.RGBA32F, MOST_SAMPLES, 1, 1),
    };
    gl.bindTexture(gl.TEXTURE_2D, this.names.picture);
    gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, gl.RGBA, gl.UNSIGNED_BYTE, picture);
    gl.generateMipmap(gl.TEXTURE_2D);
    gl.bindTexture(gl.TEXTURE_2D, this.names.disparity);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, disparity.width, disparity.height, gl.RED, gl.FLOAT, disparity.values);
    this.layerTarget = this.framebuffer([this.names.behind, this.names.before]);
    this.drawn = this.texture(gl.RGBA8, this.width, this.height, 1);
    this.target = this.framebuffer([this.drawn]);
  }

  /**
   * Draw this look and put it on the canvas; true when done, false if another draw or `stop` came between.
   *
   * @param progress called with the share that is done.
   */
  async draw(look: Look, progress: (share: number) => void = () => {}): Promise<boolean> {
    const run = ++this.run;
    const began = performance.now();
    this.prepare(look);
    let row = 0;
    let rows = 16;
    while (row < this.height) {
      const start = performance.now();
      const taken = Math.min(rows, this.height - row);
      this.strip(row, taken);
      row += taken;
      await this.finished();
      if (run !== this.run) return false;
      const pace = STRIP_MS / Math.max(1, performance.now() - start);
      rows = Math.max(4, Math.round(rows * Math.min(4, Math.max(0.25, pace))));
      progress(row / this.height);
      this.present();
      if (row < this.height) this.use(look);
    }
    this.cost = (performance.now() - began) / (this.width * this.height * look.samples);
    return !this.gl.isContextLost();
  }

  /** The most samples, up to `wanted`, that this machine draws in about so many milliseconds; it has to have drawn once. */
  affordable(wanted: number, milliseconds: number, pixels: number = this.width * this.height): number {
    const most = Math.floor(milliseconds / (this.cost * pixels));
    return Number.isNaN(most) ? wanted : Math.min(wanted, Math.max(FEWEST_SAMPLES, most));
  }

  /** Give up what is being drawn. */
  stop(): void {
    this.run++;
  }

  /** What is on the canvas, as a file. */
  blob(type: "image/png" | "image/jpeg"): Promise<Blob | null> {
    this.present(); // the browser may clear the canvas between frames
    return new Promise((resolve) => this.canvas.toBlob(resolve, type, 0.93));
  }

  dispose(): void {
    this.stop();
    const { gl } = this;
    for (const texture of this.textures) gl.deleteTexture(texture);
    gl.deleteFramebuffer(this.layerTarget);
    gl.deleteFramebuffer(this.target);
    gl.deleteProgram(this.layers);
    gl.deleteProgram(this.gather);
    gl.deleteProgram(this.copy);
  }

  private prepare(look: Look): void {
    const { gl, names } = this;
    for (const [texture, crowding] of [[names.even, 1], [names.crowded, CROWDING]] as const) {
      const numbers = tapsOf(look.samples, crowding, look.blades);
      gl.bindTexture(gl.TEXTURE_2D, texture);
      gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, look.samples, 1, gl.RGBA, gl.FLOAT, numbers);
    }
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.layerTarget);
    gl.viewport(0, 0, this.width, this.height);
    gl.disable(gl.SCISSOR_TEST);
    this.settings(this.layers, look);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    for (const texture of [names.behind, names.before]) {
      gl.bindTexture(gl.TEXTURE_2D, texture);
      gl.generateMipmap(gl.TEXTURE_2D);
    }
    this.use(look);
  }

  private use(look: Look): void {
    const { gl } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.target);
    gl.viewport(0, 0, this.width, this.height);
    gl.enable(gl.SCISSOR_TEST);
    this.settings(this.gather, look);
  }

  private strip(row: number, rows: number): void {
    this.gl.scissor(0, row, this.width, rows);
    this.gl.drawArrays(this.gl.TRIANGLES, 0, 3);
  }

  /** Wait until the card has drawn what it was told. */
  private async finished(): Promise<void> {
    const { gl } = this;
    const sync = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    gl.flush();
    if (sync === null) return;
    do await new Promise((resolve) => setTimeout(resolve));
    while (!gl.isContextLost() && gl.clientWaitSync(sync, 0, 0) === gl.TIMEOUT_EXPIRED);
    gl.deleteSync(sync);
  }

  /** Put what is drawn so far on the canvas. */
  private present(): void {
    const { gl } = this;
    gl.disable(gl.SCISSOR_TEST);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.useProgram(this.copy);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.drawn);
    gl.uniform1i(gl.getUniformLocation(this.copy, "drawn"), 0);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  private settings(program: WebGLProgram, look: Look): void {
    const { gl, names } = this;
    gl.useProgram(program);
    const at = (name: string) => gl.getUniformLocation(program, name);
    const largest = LARGEST * this.width;
    const aperture = look.aperture * this.width;
    const units = [
      ["picture", names.picture], ["disparity", names.disparity], ["behind", names.behind], ["before", names.before],
      ["evenTaps", names.even], ["crowdedTaps", names.crowded],
    ] as const;
    const bound = program === this.layers ? units.slice(0, 2) : units; // a texture can't be read while it is drawn on
    for (let unit = 0; unit < units.length; unit++) {
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_2D, unit < bound.length ? units[unit][1] : null);
      if (unit < bound.length) gl.uniform1i(at(units[unit][0]), unit);
    }
    gl.activeTexture(gl.TEXTURE0 + units.length); // for whatever is bound next, so that the units above stay
    gl.uniform2f(at("size"), this.width, this.height);
    gl.uniform1f(at("focus"), look.focus);
    gl.uniform1f(at("aperture"), aperture);
    gl.uniform1f(at("largest"), largest);
    if (program === this.layers) return;
    gl.uniform1i(at("count"), look.samples);
    gl.uniform1f(at("nearest"), Math.min(largest, (1 - look.focus) * aperture));
    gl.uniform1f(at("highlights"), look.highlights);
  }

  private texture(format: number, width: number, height: number, levels: number): WebGLTexture {
    const { gl } = this;
    const texture = gl.createTexture();
    this.textures.push(texture);
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texStorage2D(gl.TEXTURE_2D, levels, format, width, height);
    const exact = format === gl.RGBA32F;
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, exact ? gl.NEAREST : levels > 1 ? gl.LINEAR_MIPMAP_LINEAR : gl.LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, exact ? gl.NEAREST : gl.LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    return texture;
  }

  private framebuffer(textures: readonly WebGLTexture[]): WebGLFramebuffer {
    const { gl } = this;
    const framebuffer = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
    textures.forEach((texture, i) => {
      gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0 + i, gl.TEXTURE_2D, texture, 0);
    });
    gl.drawBuffers(textures.map((_, i) => gl.COLOR_ATTACHMENT0 + i));
    if (gl.checkFramebufferStatus(gl.FRAMEBUFFER) !== gl.FRAMEBUFFER_COMPLETE) throw new Error("framebuffer");
    return framebuffer;
  }

  private program(fragment: string): WebGLProgram {
    const { gl } = this;
    const program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, fragment]] as const) {
      const shader = gl.createShader(kind) as WebGLShader;
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
      gl.deleteShader(shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program) ?? "shader");
    return program;
  }
}

function rendererName(gl: WebGL2RenderingContext): string {
  const info = gl.getExtension("WEBGL_debug_renderer_info");
  return String(gl.getParameter(info === null ? gl.RENDERER : info.UNMASKED_RENDERER_WEBGL));
}
