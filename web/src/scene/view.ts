/**
 * A surface in space on a canvas, by three.js: turned freely in perspective, or seen straight from above.
 *
 * Frames are drawn when something changed, so that a page at rest uses no CPU; only the sway draws continuously.
 */

import {
  BufferAttribute, BufferGeometry, Color, DoubleSide, LineBasicMaterial, LineSegments, Mesh, MeshBasicMaterial, MOUSE,
  NoToneMapping, OrthographicCamera, PerspectiveCamera, Points, Scene, ShaderMaterial, Spherical, SRGBColorSpace, Texture, TOUCH,
  Vector3, WebGLRenderer,
} from "three";
import { OrbitControls } from "three/addons/controls/OrbitControls.js";
import type { Grid } from "./grid";
import type { Lens } from "./lens";
import { percentiles } from "./percentile";
import { shrunk } from "./shrunk";

export type Style = "mesh" | "points";

/** What is drawn: the grid's points, its triangles, and which points stand alone well. */
export interface Surface {
  readonly grid: Grid;
  readonly lens: Lens;
  readonly triangles: Uint32Array;
  readonly points: Uint32Array;
}

const LARGEST_TEXTURE = 4096;
/** The first view is turned a little, so that depth is seen at once: radians to the side and up. */
const FIRST_TURN = [0.16, 0.06] as const;
const FIRST_MARGIN = 1.18;
const TURN_STEP = 0.09;
const SWAY = { radians: 0.09, seconds: 7 } as const;

const POINT_VERTEX = `
  uniform float size, spacing, viewport;
  varying vec2 at;
  void main() {
    at = uv;
    gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
    // As large as the patch of surface that the point stands for: pixels lie spacing * distance apart.
    gl_PointSize = max(1.0, size * spacing * -position.z * 0.5 * viewport * projectionMatrix[1][1] / gl_Position.w);
  }`;
const POINT_FRAGMENT = `
  uniform sampler2D map;
  varying vec2 at;
  void main() {
    gl_FragColor = vec4(texture2D(map, at).rgb, 1.0);
    #include <colorspace_fragment>
  }`;

export class SceneView {
  /** Called after each drawn frame. */
  onFrame: () => void = () => {};
  private readonly renderer: WebGLRenderer;
  private readonly scene = new Scene();
  private readonly perspective = new PerspectiveCamera();
  private readonly above = new OrthographicCamera();
  private readonly orbit: OrbitControls;
  private readonly slide: OrbitControls;
  private readonly mesh = new Mesh(new BufferGeometry(), new MeshBasicMaterial({ side: DoubleSide }));
  private readonly points: Points<BufferGeometry, ShaderMaterial>;
  private readonly marker = new LineSegments(new BufferGeometry(), new LineBasicMaterial({ depthTest: false }));
  private texture: Texture | null = null;
  private surface: Surface | null = null;
  private fromAbove = false;
  private swaying = false;
  private frame = 0;
  private heights = [0, 0];
  private touched = false;

  /** Throws if the browser has no WebGL 2. */
  constructor(private readonly canvas: HTMLCanvasElement) {
    const context = canvas.getContext("webgl2", { antialias: true, alpha: false, powerPreference: "default" });
    if (context === null) throw new Error("no WebGL 2");
    this.renderer = new WebGLRenderer({ canvas, context, antialias: true });
    this.renderer.toneMapping = NoToneMapping;
    this.points = new Points(
      new BufferGeometry(),
      new ShaderMaterial({
        vertexShader: POINT_VERTEX,
        fragmentShader: POINT_FRAGMENT,
        uniforms: { map: { value: null }, size: { value: 1 }, spacing: { value: 1 }, viewport: { value: 1 } },
      }),
    );
    for (const object of [this.mesh, this.points, this.marker]) object.frustumCulled = false;
    this.points.visible = false;
    this.marker.visible = false;
    this.marker.renderOrder = 1;
    this.scene.add(this.mesh, this.points, this.marker);
    this.orbit = new OrbitControls(this.perspective, canvas);
    this.orbit.zoomToCursor = true;
    this.slide = new OrbitControls(this.above, canvas);
    this.slide.enableRotate = false;
    this.slide.enabled = false;
    this.slide.zoomToCursor = true;
    this.slide.mouseButtons = { LEFT: MOUSE.PAN, MIDDLE: MOUSE.DOLLY, RIGHT: MOUSE.PAN };
    this.slide.touches = { ONE: TOUCH.PAN, TWO: TOUCH.DOLLY_PAN };
    for (const controls of [this.orbit, this.slide]) {
      controls.addEventListener("change", this.draw);
      controls.addEventListener("start", this.onStart);
    }
    canvas.addEventListener("webglcontextrestored", this.draw);
  }

  /** The picture to draw on the surface. */
  setPicture(image: ImageBitmap): void {
    this.texture?.dispose();
    const largest = Math.min(LARGEST_TEXTURE, this.renderer.capabilities.maxTextureSize);
    const texture = new Texture(shrunk(image, largest));
    texture.colorSpace = SRGBColorSpace;
    texture.flipY = false; // browsers ignore it for bitmaps; the grid's v runs from the top
    texture.anisotropy = Math.min(4, this.renderer.capabilities.getMaxAnisotropy());
    texture.needsUpdate = true;
    this.texture = texture;
    this.mesh.material.map = texture;
    this.mesh.material.needsUpdate = true;
    this.points.material.uniforms["map"].value = texture;
    this.draw();
  }

  /** Draw this surface from now on. The viewpoint stays unless nobody has moved it. */
  setSurface(surface: Surface): void {
    this.surface = surface;
    const { grid, lens, triangles, points } = surface;
    this.release();
    const position = new BufferAttribute(grid.positions, 3);
    const uv = new BufferAttribute(grid.uvs, 2);
    for (const [object, index] of [[this.mesh, triangles], [this.points, points]] as const) {
      object.geometry = new BufferGeometry();
      object.geometry.setAttribute("position", position);
      object.geometry.setAttribute("uv", uv);
      object.geometry.setIndex(new BufferAttribute(index, 1));
    }
    this.points.material.uniforms["spacing"].value = grid.step / lens.focal;
    const y = heightsOf(grid);
    this.heights = percentiles(y, [0, 1]);
    this.placeMarker();
    if (!this.touched) this.reset();
    this.draw();
  }

  setStyle(style: Style): void {
    this.mesh.visible = style === "mesh";
    this.points.visible = style === "points";
    this.draw();
  }

  setPointSize(size: number): void {
    this.points.material.uniforms["size"].value = size;
    this.draw();
  }

  setBackground(background: string, line: string): void {
    this.scene.background = new Color(background);
    this.marker.material.color = new Color(line);
    this.draw();
  }

  /** See it straight from above, or freely again. */
  setFromAbove(fromAbove: boolean): void {
    this.fromAbove = fromAbove;
    this.orbit.enabled = !fromAbove;
    this.slide.enabled = fromAbove;
    this.marker.visible = fromAbove;
    this.draw();
  }

  /** From above, leave out what is higher than this share of the scene's height (a ceiling hides the room). */
  setHighest(share: number): void {
    const [lowest, highest] = this.heights;
    const limit = lowest + share * (highest - lowest);
    this.above.near = Math.max(0, this.above.position.y - limit);
    this.above.updateProjectionMatrix();
    this.draw();
  }

  setSway(swaying: boolean): void {
    this.swaying = swaying;
    this.draw();
  }

  /** Go back to the first view: from where the photo was taken, turned a little. */
  reset(): void {
    this.touched = false;
    if (this.surface === null) return;
    const { grid } = this.surface;
    const [near, middle, far] = percentiles(grid.z, [0.1, 0.4, 0.98]);
    if (Number.isNaN(middle)) return;
    this.fit();
    const target = new Vector3(0, 0, -middle);
    this.orbit.target.copy(target);
    this.orbit.minDistance = near / 20;
    this.orbit.maxDistance = far * 6;
    this.perspective.near = near / 100;
    this.perspective.far = far * 20;
    this.perspective.position.set(0, 0, (FIRST_MARGIN - 1) * middle);
    this.perspective.updateProjectionMatrix();
    this.orbit.update();
    this.turn(...FIRST_TURN);
    this.resetAbove(far);
    this.touched = false;
    this.draw();
  }

  /** Turn around the target by so many radians to the side and up. */
  turn(sideways: number, upwards: number): void {
    if (this.fromAbove) return;
    const at = new Spherical().setFromVector3(this.perspective.position.clone().sub(this.orbit.target));
    at.theta += sideways;
    at.phi -= upwards;
    at.makeSafe();
    this.perspective.position.setFromSpherical(at).add(this.orbit.target);
    this.orbit.update();
    this.touched = true;
  }

  /** Move sideways and up by a share of the distance, or of what is seen from above. */
  pan(right: number, up: number): void {
    const [camera, controls] = this.fromAbove ? [this.above, this.slide] as const : [this.perspective, this.orbit] as const;
    const reach = this.fromAbove
      ? (this.above.top - this.above.bottom) / this.above.zoom
      : camera.position.distanceTo(controls.target);
    const shift = new Vector3(right, up, 0).multiplyScalar(reach).applyQuaternion(camera.quaternion);
    camera.position.add(shift);
    controls.target.add(shift);
    controls.update();
    this.touched = true;
    this.draw();
  }

  /** Come closer by this factor (below 1) or go back (above 1). */
  zoom(factor: number): void {
    if (this.fromAbove) {
      this.above.zoom /= factor;
      this.above.updateProjectionMatrix();
    } else {
      this.perspective.position.sub(this.orbit.target).multiplyScalar(factor).add(this.orbit.target);
      this.orbit.update();
    }
    this.touched = true;
    this.draw();
  }

  /** Move by a key; false if the key means nothing here. */
  key(event: KeyboardEvent): boolean {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const arrows: Record<string, readonly [number, number]> = {
      ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1],
    };
    const arrow = arrows[event.key];
    if (arrow) {
      if (event.shiftKey || this.fromAbove) this.pan(arrow[0] * 0.06, arrow[1] * 0.06);
      else this.turn(arrow[0] * TURN_STEP, arrow[1] * TURN_STEP);
    } else if (event.key === "+" || event.key === "=") this.zoom(0.87);
    else if (event.key === "-") this.zoom(1.15);
    else if (event.key === "0" || event.key === "Home") this.reset();
    else return false;
    return true;
  }

  /** Length in the surface's unit of one CSS pixel, seen from above. */
  get unitsPerPixel(): number {
    return (this.above.top - this.above.bottom) / this.above.zoom / Math.max(1, this.canvas.clientHeight);
  }

  /** Follow the canvas's size on the page. */
  resize(): void {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (width === 0 || height === 0) return;
    this.renderer.setPixelRatio(Math.min(2, window.devicePixelRatio));
    this.renderer.setSize(width, height, false);
    this.points.material.uniforms["viewport"].value = this.renderer.domElement.height;
    this.fit();
    this.draw();
  }

  /** Draw a frame soon. */
  readonly draw = (): void => {
    if (this.frame === 0 && this.surface !== null) this.frame = requestAnimationFrame(this.render);
  };

  /** Free the surface's and the picture's memory on the GPU; `setPicture` and `setSurface` begin again. */
  clear(): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.surface = null;
    this.touched = false;
    this.release();
    this.texture?.dispose();
    this.texture = null;
    this.mesh.material.map = null;
    this.points.material.uniforms["map"].value = null;
  }

  dispose(): void {
    this.clear();
    this.orbit.dispose();
    this.slide.dispose();
    this.canvas.removeEventListener("webglcontextrestored", this.draw);
    for (const object of [this.mesh, this.points, this.marker]) {
      object.geometry.dispose();
      object.material.dispose();
    }
    this.renderer.dispose();
    this.renderer.forceContextLoss();
  }

  private readonly onStart = (): void => {
    this.touched = true;
  };

  private readonly render = (time: number): void => {
    this.frame = 0;
    const camera = this.fromAbove ? this.above : this.perspective;
    if (this.swaying && !this.fromAbove) {
      const home = this.perspective.position.clone();
      const angle = SWAY.radians * Math.sin((time / 1000 / SWAY.seconds) * 2 * Math.PI);
      this.perspective.position.sub(this.orbit.target).applyAxisAngle(this.perspective.up, angle).add(this.orbit.target);
      this.perspective.lookAt(this.orbit.target);
      this.renderer.render(this.scene, camera);
      this.perspective.position.copy(home);
      this.perspective.lookAt(this.orbit.target);
      this.draw();
    } else this.renderer.render(this.scene, camera);
    this.onFrame();
  };

  /** Give both cameras the canvas's shape; the whole photo is in view from where it was taken. */
  private fit(): void {
    if (this.surface === null) return;
    const { lens } = this.surface;
    const aspect = Math.max(0.01, this.canvas.clientWidth / Math.max(1, this.canvas.clientHeight));
    const slope = Math.max(lens.cy / lens.focal, lens.cx / lens.focal / aspect);
    this.perspective.aspect = aspect;
    this.perspective.fov = (2 * Math.atan(slope) * 180) / Math.PI;
    this.perspective.updateProjectionMatrix();
    const half = (this.above.top - this.above.bottom) / 2;
    this.above.left = -half * aspect;
    this.above.right = half * aspect;
    this.above.updateProjectionMatrix();
  }

  private resetAbove(far: number): void {
    const { lens } = (this.surface as Surface);
    const aspect = Math.max(0.01, this.canvas.clientWidth / Math.max(1, this.canvas.clientHeight));
    const depth = far * 1.1;
    const width = (2 * far * lens.cx) / lens.focal;
    const half = (Math.max(depth, width / aspect) / 2) * 1.08;
    const [, highest] = this.heights;
    const share = this.highestShare();
    this.above.up.set(0, 0, -1);
    this.above.position.set(0, highest + far, -depth / 2 + 0.05 * far);
    this.slide.target.set(0, 0, this.above.position.z);
    this.above.zoom = 1;
    this.above.top = half;
    this.above.bottom = -half;
    this.above.left = -half * aspect;
    this.above.right = half * aspect;
    this.above.far = this.above.position.y - this.heights[0] + far;
    this.slide.update();
    this.setHighest(share);
  }

  private highestShare(): number {
    const [lowest, highest] = this.heights;
    const span = highest - lowest;
    if (!(span > 0) || this.above.position.y === 0) return 1;
    return Math.min(1, (this.above.position.y - this.above.near - lowest) / span);
  }

  /** The photo's camera and what it sees, as a wedge on the floor. */
  private placeMarker(): void {
    const { grid, lens } = this.surface as Surface;
    const [far] = percentiles(grid.z, [0.98]);
    const side = (lens.cx / lens.focal) * far;
    const [floor] = this.heights;
    const corners = [0, floor, 0, -side, floor, -far, 0, floor, 0, side, floor, -far];
    this.marker.geometry.dispose();
    this.marker.geometry = new BufferGeometry();
    this.marker.geometry.setAttribute("position", new BufferAttribute(new Float32Array(corners), 3));
  }

  private release(): void {
    this.mesh.geometry.dispose();
    this.points.geometry.dispose();
  }
}

function heightsOf(grid: Grid): Float32Array {
  const y = new Float32Array(grid.present.length);
  for (let i = 0; i < y.length; i++) y[i] = grid.present[i] ? grid.positions[3 * i + 1] : Number.NaN;
  return y;
}
