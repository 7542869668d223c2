/**
 * The passes of the blur, in linear light (WebGL converts sRGB textures when it reads and writes them).
 *
 * `LAYERS` splits the picture into what is blurred behind the focus and what is blurred before it. `GATHER` collects, for
 * each pixel, the points whose discs reach it, with two rules that keep edges right:
 * - a point farther away than the pixel reaches no farther than the pixel's own disc: background never smears over what is
 *   sharp before it;
 * - foreground spreads as far as its disc does and covers what is behind by the share of its disc that falls on the pixel;
 *   behind a blurred foreground edge, the hidden background is guessed from what is visible around.
 */

export const VERTEX = `#version 300 es
void main() {
  gl_Position = vec4(4.0 * float(gl_VertexID & 1) - 1.0, 2.0 * float(gl_VertexID & 2) - 1.0, 0.0, 1.0);
}`;

const COMMON = `#version 300 es
precision highp float;
uniform sampler2D picture, disparity;
uniform vec2 size;
uniform float focus, aperture, largest;
// Signed radius in pixels of the disc that the point at uv becomes: see circleOfConfusion.
float blur(vec2 uv) { return clamp((texture(disparity, uv).r - focus) * aperture, -largest, largest); }
float blurred(float radius) { return smoothstep(0.5, 1.5, radius); }
`;

/** Copies the finished picture to the canvas, whose first row is its lowest. */
export const COPY = `#version 300 es
precision highp float;
uniform sampler2D drawn;
out vec4 result;
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  result = texelFetch(drawn, ivec2(at.x, textureSize(drawn, 0).y - 1 - at.y), 0);
}`;

export const LAYERS = `${COMMON}
layout(location = 0) out vec4 behind;
layout(location = 1) out vec4 before;
void main() {
  vec2 uv = gl_FragCoord.xy / size;
  vec3 colour = textureLod(picture, uv, 0.0).rgb;
  float radius = blur(uv);
  behind = vec4(colour, 1.0) * blurred(-radius);
  before = vec4(colour, 1.0) * blurred(radius);
}`;

export const GATHER = `${COMMON}
uniform sampler2D behind, before, evenTaps, crowdedTaps;
uniform int count;
uniform float nearest; // largest disc in front of the focus, in pixels
uniform float highlights;
out vec4 result;

const float PI = 3.14159265;

vec3 lifted(vec4 colour) { // clipped highlights were brighter than the picture could say
  float light = dot(colour.rgb, vec3(0.2126, 0.7152, 0.0722)) / max(colour.a, 1e-3);
  return colour.rgb * (1.0 + highlights * pow(light, 6.0));
}

float encoded(float light) { // IEC 61966-2-1
  return light <= 0.0031308 ? 12.92 * light : 1.055 * pow(light, 1.0 / 2.4) - 0.055;
}

void main() {
  vec2 uv = gl_FragCoord.xy / size;
  float own = blur(uv);
  vec3 sharp = textureLod(picture, uv, 0.0).rgb;
  vec3 colour = sharp;
  float radius = abs(own);

  if (radius > 0.5) {
    vec4 sum = vec4(0.0);
    for (int i = 0; i < count; i++) {
      vec4 tap = texelFetch(evenTaps, ivec2(i, 0), 0);
      vec2 at = uv + tap.xy * radius / size;
      float there = blur(at);
      float spacing = radius * sqrt(PI * tap.w);
      if (own < 0.0) {
        // Behind the focus: the discs of points nearer than this one are smaller, of those farther larger but held back.
        float reach = max(-there, 0.0);
        float held = there < own ? radius : reach;
        float covers = clamp((held - tap.z * radius) / max(spacing, 1.0) + 0.5, 0.0, 1.0);
        float thin = min(4.0, radius * radius / max(reach * reach, 0.25)); // the same light on a larger disc
        vec4 found = textureLod(behind, at, log2(max(spacing, 1.0)));
        sum += vec4(lifted(found), found.a) * covers * thin * tap.w;
      } else {
        // In front of the focus: what is visible around stands in for what this foreground hides.
        vec3 found = textureLod(picture, at, max(0.0, log2(max(spacing, 1.0)) - 1.0)).rgb;
        sum += vec4(found, 1.0) * (1.0 - blurred(there)) * tap.w;
      }
    }
    if (sum.a > 1e-4) colour = mix(sharp, sum.rgb / sum.a, blurred(radius));
  }

  bool foreground = false; // most pixels have none that could reach them: nine samples of a small picture tell
  for (int i = 0; nearest > 0.5 && i < 9 && !foreground; i++) {
    vec2 aside = vec2(float(i % 3) - 1.0, float(i / 3) - 1.0) * nearest / size;
    foreground = textureLod(before, uv + aside, log2(max(nearest, 1.0))).a > 0.0;
  }
  if (foreground) {
    vec4 sum = vec4(0.0);
    for (int i = 0; i < count; i++) {
      vec4 tap = texelFetch(crowdedTaps, ivec2(i, 0), 0);
      vec2 at = uv + tap.xy * nearest / size;
      float reach = blur(at);
      if (reach <= 0.5) continue;
      float spacing = nearest * sqrt(PI * tap.w);
      float covers = clamp((reach - tap.z * nearest) / max(spacing, 1.0) + 0.5, 0.0, 1.0);
      float share = min(1.0, tap.w * nearest * nearest / (reach * reach));
      vec4 found = textureLod(before, at, log2(max(spacing, 1.0)));
      sum += vec4(lifted(found), found.a) * covers * share;
    }
    if (sum.a > 1e-4) colour = mix(colour, sum.rgb / sum.a, min(sum.a, 1.0));
  }
  colour = min(colour, 1.0);
  result = vec4(encoded(colour.r), encoded(colour.g), encoded(colour.b), 1.0);
}`;
