import{a as e,n as t,r as n,t as r}from"./percentile-CmuHhdx2.js";import{a as i,i as a,n as o,r as s,t as c}from"./index-BQEWyF-w.js";import{n as l,t as u}from"./picker-BInP4xhA.js";import{n as d,r as f}from"./shape-VfBVRDbO.js";var p=.06,m=.2;function h(e,t,n){let r=e.length/t,i=g(g(e,t,r,n,Math.max,1),t,r,n,Math.max,t),a=g(g(e,t,r,n,Math.min,1),t,r,n,Math.min,t),o=new Float32Array(e.length);for(let t=0;t<o.length;t++){let n=e[t];i[t]-a[t]<=p?o[t]=n:o[t]=n-a[t]>=m*(i[t]-a[t])?i[t]:a[t]}return o}function g(e,t,n,r,i,a){let o=a===1,s=o?t:n,c=o?n:t,l=o?t:1,u=2*r+1,d=new Float32Array(s),f=new Float32Array(s),p=new Float32Array(e.length);for(let t=0;t<c;t++){let n=t*l;for(let t=0;t<s;t++){let r=e[n+t*a];d[t]=t%u===0?r:i(d[t-1],r)}for(let t=s-1;t>=0;t--){let r=e[n+t*a];f[t]=t===s-1||(t+1)%u===0?r:i(f[t+1],r)}for(let e=0;e<s;e++){let t=Math.max(0,e-r),o=Math.min(s-1,e+r),c=t===0?d[o]:f[t],l=t>0&&Math.floor(t/u)===Math.floor(o/u)?c:d[o];p[n+e*a]=i(c,l)}}return p}function _(t){let n=new Float32Array(t.values.length);if(c(t))n.set(t.values);else{let r=d(t)?f(t,e(t)).z:t.values;for(let e=0;e<r.length;e++)n[e]=r[e]>0?1/r[e]:NaN}let[i,a]=r(n,[.005,.995]),o=a>i?a-i:1;for(let e=0;e<n.length;e++){let t=(n[e]-i)/o;n[e]=Number.isNaN(t)?0:Math.min(1,Math.max(0,t))}return n}function v(e,t,n,r,i=2){let a=e.length/t,o=[];for(let s=Math.max(0,r-i);s<=Math.min(a-1,r+i);s++)for(let r=Math.max(0,n-i);r<=Math.min(t-1,n+i);r++)o.push(e[s*t+r]);return o.sort((e,t)=>e-t),o[o.length>>1]}var y=Math.PI*(3-Math.sqrt(5));function b(e,t,n){let r=new Float32Array(4*e);for(let i=0;i<e;i++){let a=(i/e)**t,o=((i+1)/e)**t,s=Math.sqrt((a+o)/2),c=i*y,l=s*x(c,n);r.set([Math.cos(c)*l,Math.sin(c)*l,s,o-a],4*i)}return r}function x(e,t){if(t<3)return 1;let n=2*Math.PI/t,r=((e+Math.PI/2)%n+n)%n;return Math.cos(n/2)/Math.cos(r-n/2)}var S=`#version 300 es
void main() {
  gl_Position = vec4(4.0 * float(gl_VertexID & 1) - 1.0, 2.0 * float(gl_VertexID & 2) - 1.0, 0.0, 1.0);
}`,C=`#version 300 es
precision highp float;
uniform sampler2D picture, disparity;
uniform vec2 size;
uniform float focus, aperture, largest;
// Signed radius in pixels of the disc that the point at uv becomes: see circleOfConfusion.
float blur(vec2 uv) { return clamp((texture(disparity, uv).r - focus) * aperture, -largest, largest); }
float blurred(float radius) { return smoothstep(0.5, 1.5, radius); }
`,w=`#version 300 es
precision highp float;
uniform sampler2D drawn;
out vec4 result;
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  result = texelFetch(drawn, ivec2(at.x, textureSize(drawn, 0).y - 1 - at.y), 0);
}`,T=`${C}
layout(location = 0) out vec4 behind;
layout(location = 1) out vec4 before;
void main() {
  vec2 uv = gl_FragCoord.xy / size;
  vec3 colour = textureLod(picture, uv, 0.0).rgb;
  float radius = blur(uv);
  behind = vec4(colour, 1.0) * blurred(-radius);
  before = vec4(colour, 1.0) * blurred(radius);
}`,E=`${C}
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
}`,D=.06,O=1.7,k=40,A=40,j=1024,M=class{canvas;width;height;software;gl;textures=[];layers;gather;copy;drawn;layerTarget;target;names;run=0;cost=NaN;constructor(e,t,n){this.canvas=e;let r=e.getContext(`webgl2`,{alpha:!1,antialias:!1,depth:!1,powerPreference:`high-performance`});if(r===null)throw Error(`no WebGL 2`);if(this.gl=r,this.software=/swiftshader|llvmpipe|software|basic render/i.test(N(r)),this.width=e.width=t.width,this.height=e.height=t.height,Math.max(this.width,this.height)>r.getParameter(r.MAX_TEXTURE_SIZE))throw Error(`too large`);this.layers=this.program(T),this.gather=this.program(E),this.copy=this.program(w);let i=Math.floor(Math.log2(Math.max(this.width,this.height)))+1;this.names={picture:this.texture(r.SRGB8_ALPHA8,this.width,this.height,i),disparity:this.texture(r.R16F,n.width,n.height,1),behind:this.texture(r.SRGB8_ALPHA8,this.width,this.height,i),before:this.texture(r.SRGB8_ALPHA8,this.width,this.height,i),even:this.texture(r.RGBA32F,j,1,1),crowded:this.texture(r.RGBA32F,j,1,1)},r.bindTexture(r.TEXTURE_2D,this.names.picture),r.pixelStorei(r.UNPACK_COLORSPACE_CONVERSION_WEBGL,r.NONE),r.texSubImage2D(r.TEXTURE_2D,0,0,0,r.RGBA,r.UNSIGNED_BYTE,t),r.generateMipmap(r.TEXTURE_2D),r.bindTexture(r.TEXTURE_2D,this.names.disparity),r.texSubImage2D(r.TEXTURE_2D,0,0,0,n.width,n.height,r.RED,r.FLOAT,n.values),this.layerTarget=this.framebuffer([this.names.behind,this.names.before]),this.drawn=this.texture(r.RGBA8,this.width,this.height,1),this.target=this.framebuffer([this.drawn])}async draw(e,t=()=>{}){let n=++this.run,r=performance.now();this.prepare(e);let i=0,a=16;for(;i<this.height;){let r=performance.now(),o=Math.min(a,this.height-i);if(this.strip(i,o),i+=o,await this.finished(),n!==this.run)return!1;let s=k/Math.max(1,performance.now()-r);a=Math.max(4,Math.round(a*Math.min(4,Math.max(.25,s)))),t(i/this.height),this.present(),i<this.height&&this.use(e)}return this.cost=(performance.now()-r)/(this.width*this.height*e.samples),!this.gl.isContextLost()}affordable(e,t,n=this.width*this.height){let r=Math.floor(t/(this.cost*n));return Number.isNaN(r)?e:Math.min(e,Math.max(A,r))}stop(){this.run++}blob(e){return this.present(),new Promise(t=>this.canvas.toBlob(t,e,.93))}dispose(){this.stop();let{gl:e}=this;for(let t of this.textures)e.deleteTexture(t);e.deleteFramebuffer(this.layerTarget),e.deleteFramebuffer(this.target),e.deleteProgram(this.layers),e.deleteProgram(this.gather),e.deleteProgram(this.copy)}prepare(e){let{gl:t,names:n}=this;for(let[r,i]of[[n.even,1],[n.crowded,O]]){let n=b(e.samples,i,e.blades);t.bindTexture(t.TEXTURE_2D,r),t.texSubImage2D(t.TEXTURE_2D,0,0,0,e.samples,1,t.RGBA,t.FLOAT,n)}t.bindFramebuffer(t.FRAMEBUFFER,this.layerTarget),t.viewport(0,0,this.width,this.height),t.disable(t.SCISSOR_TEST),this.settings(this.layers,e),t.drawArrays(t.TRIANGLES,0,3);for(let e of[n.behind,n.before])t.bindTexture(t.TEXTURE_2D,e),t.generateMipmap(t.TEXTURE_2D);this.use(e)}use(e){let{gl:t}=this;t.bindFramebuffer(t.FRAMEBUFFER,this.target),t.viewport(0,0,this.width,this.height),t.enable(t.SCISSOR_TEST),this.settings(this.gather,e)}strip(e,t){this.gl.scissor(0,e,this.width,t),this.gl.drawArrays(this.gl.TRIANGLES,0,3)}async finished(){let{gl:e}=this,t=e.fenceSync(e.SYNC_GPU_COMMANDS_COMPLETE,0);if(e.flush(),t!==null){do await new Promise(e=>setTimeout(e));while(!e.isContextLost()&&e.clientWaitSync(t,0,0)===e.TIMEOUT_EXPIRED);e.deleteSync(t)}}present(){let{gl:e}=this;e.disable(e.SCISSOR_TEST),e.bindFramebuffer(e.FRAMEBUFFER,null),e.useProgram(this.copy),e.activeTexture(e.TEXTURE0),e.bindTexture(e.TEXTURE_2D,this.drawn),e.uniform1i(e.getUniformLocation(this.copy,`drawn`),0),e.drawArrays(e.TRIANGLES,0,3)}settings(e,t){let{gl:n,names:r}=this;n.useProgram(e);let i=t=>n.getUniformLocation(e,t),a=D*this.width,o=t.aperture*this.width,s=[[`picture`,r.picture],[`disparity`,r.disparity],[`behind`,r.behind],[`before`,r.before],[`evenTaps`,r.even],[`crowdedTaps`,r.crowded]],c=e===this.layers?s.slice(0,2):s;for(let e=0;e<s.length;e++)n.activeTexture(n.TEXTURE0+e),n.bindTexture(n.TEXTURE_2D,e<c.length?s[e][1]:null),e<c.length&&n.uniform1i(i(s[e][0]),e);n.activeTexture(n.TEXTURE0+s.length),n.uniform2f(i(`size`),this.width,this.height),n.uniform1f(i(`focus`),t.focus),n.uniform1f(i(`aperture`),o),n.uniform1f(i(`largest`),a),e!==this.layers&&(n.uniform1i(i(`count`),t.samples),n.uniform1f(i(`nearest`),Math.min(a,(1-t.focus)*o)),n.uniform1f(i(`highlights`),t.highlights))}texture(e,t,n,r){let{gl:i}=this,a=i.createTexture();this.textures.push(a),i.bindTexture(i.TEXTURE_2D,a),i.texStorage2D(i.TEXTURE_2D,r,e,t,n);let o=e===i.RGBA32F;return i.texParameteri(i.TEXTURE_2D,i.TEXTURE_MIN_FILTER,o?i.NEAREST:r>1?i.LINEAR_MIPMAP_LINEAR:i.LINEAR),i.texParameteri(i.TEXTURE_2D,i.TEXTURE_MAG_FILTER,o?i.NEAREST:i.LINEAR),i.texParameteri(i.TEXTURE_2D,i.TEXTURE_WRAP_S,i.CLAMP_TO_EDGE),i.texParameteri(i.TEXTURE_2D,i.TEXTURE_WRAP_T,i.CLAMP_TO_EDGE),a}framebuffer(e){let{gl:t}=this,n=t.createFramebuffer();if(t.bindFramebuffer(t.FRAMEBUFFER,n),e.forEach((e,n)=>{t.framebufferTexture2D(t.FRAMEBUFFER,t.COLOR_ATTACHMENT0+n,t.TEXTURE_2D,e,0)}),t.drawBuffers(e.map((e,n)=>t.COLOR_ATTACHMENT0+n)),t.checkFramebufferStatus(t.FRAMEBUFFER)!==t.FRAMEBUFFER_COMPLETE)throw Error(`framebuffer`);return n}program(e){let{gl:t}=this,n=t.createProgram();for(let[r,i]of[[t.VERTEX_SHADER,S],[t.FRAGMENT_SHADER,e]]){let e=t.createShader(r);t.shaderSource(e,i),t.compileShader(e),t.attachShader(n,e),t.deleteShader(e)}if(t.linkProgram(n),!t.getProgramParameter(n,t.LINK_STATUS))throw Error(t.getProgramInfoLog(n)??`shader`);return n}};function N(e){let t=e.getExtension(`WEBGL_debug_renderer_info`);return String(e.getParameter(t===null?e.RENDERER:t.UNMASKED_RENDERER_WEBGL))}var P=`Refocusing needs WebGL 2, which this browser doesn't offer: switch on hardware acceleration in its settings.`,F=`The graphics card couldn't draw the picture at this size: try again with fewer programs open, or use a smaller photo.`,I={draft:60,fast:150,fine:600},L={fast:1500,fine:5e3,full:3e4},R=1200,z=180,B=12e5,V=6e4,H=15e4,U=24e6,W=.006,G=.08;function K(e){return new q(e)}var q=class{host;element;original=s(`canvas`,{"aria-hidden":`true`});canvas=this.newCanvas();mark=s(`span`,{class:`refocus-mark`,hidden:!0});failed=s(`p`,{class:`view-failed`,role:`alert`,hidden:!0,"data-testid":`refocus-failed`});picker;focus;aperture;highlights;blades;saving=s(`div`,{class:`refocus-saving`,hidden:!0});bar=s(`progress`,{max:1,value:0,"aria-label":`Drawing the picture at full size`});buttons;quality=`fine`;result=null;disparity=new Float32Array;renderer=null;full=null;settled=0;wish=0;before=!1;constructor(e){this.host=e,this.picker=new u({label:`The picture: arrow keys move a cross-hair, with shift by one pixel, Enter puts the focus there.`,testid:`refocus-picture`,pick:e=>this.focusOn(e),words:({column:e,row:t})=>`${e}, ${t}: ${J(v(this.disparity,this.result?.width??1,e,t))}`},this.original,this.canvas,this.mark,this.failed),this.focus=n({label:`Focus`,id:`refocus-focus`,min:0,max:1,step:.005,value:.7,words:J,input:()=>{this.mark.hidden=!0,this.redraw()}}),this.aperture=n({label:`Aperture`,id:`refocus-aperture`,min:0,max:G,step:.001,value:.03,words:e=>e===0?`closed: all sharp`:`blur up to ${(100*e).toFixed(1)} % of the width`,input:()=>this.redraw()}),this.highlights=n({label:`Highlights`,id:`refocus-highlights`,min:0,max:6,step:.1,value:1,words:e=>e===0?`as they are`:`up to ${(1+e).toFixed(1)} × brighter`,input:()=>this.redraw()}),this.blades=s(`select`,{id:`refocus-blades`,"data-testid":`refocus-blades`,change:()=>this.redraw()},...[[0,`Round`],[5,`5 blades`],[6,`6 blades`],[8,`8 blades`]].map(([e,t])=>s(`option`,{value:e},t)));let r=t(`Quality`,`refocus-quality`,[[`fine`,`Fine`],[`fast`,`Fast`]],e=>{this.quality=e,this.redraw()}),i=t(`Show`,`refocus-shown`,[[`after`,`Refocused`],[`before`,`Photo`]],e=>{this.before=e===`before`,this.canvas.hidden=this.before});this.buttons=[`png`,`jpeg`].map(e=>s(`button`,{type:`button`,class:`measure-button`,"data-testid":`refocus-save-${e}`,click:()=>void this.save(e)},a(o.download,16),e.toUpperCase())),this.saving.append(this.bar,s(`button`,{type:`button`,"data-testid":`refocus-cancel`,click:()=>this.cancel()},`Cancel`)),this.element=s(`div`,{class:`view-layout`},s(`div`,{class:`view-stage`},this.picker.element),s(`div`,{class:`view-side`},s(`p`,{class:`view-note`},`Click what should be sharp.`),this.focus.element,this.aperture.element,this.highlights.element,s(`div`,{class:`view-row`},s(`label`,{for:`refocus-blades`},`Aperture shape`),this.blades),s(`div`,{class:`view-row`},i.element,r.element),s(`div`,{class:`view-row`},s(`span`,{},`Save full size`),...this.buttons),this.saving))}show(e){let t=this.result;if(this.result=e,t===null||t.image!==e.image||t.values!==e.values){this.disparity=h(_(e),e.width,Math.max(2,Math.round(e.width*W))),this.picker.setPicture(e.image,e.width,e.height),l(this.original,e.image),this.mark.hidden=!0,(t?.image!==e.image||this.renderer===null)&&this.focus.set(this.firstFocus(e)),this.release(),this.failed.hidden=!0;try{this.renderer=this.rendererFor(this.canvas,B),this.renderer.software&&this.renderer.width*this.renderer.height>H&&(this.renderer.dispose(),this.renderer=this.rendererFor(this.canvas,H))}catch(e){this.fail(e instanceof Error&&e.message===`no WebGL 2`?P:F);return}this.redraw()}}hide(){this.full?.stop(),this.release(),this.result=null}dispose(){this.hide(),this.canvas.getContext(`webgl2`)?.getExtension(`WEBGL_lose_context`)?.loseContext(),this.element.remove()}newCanvas(){let e=s(`canvas`,{class:`refocus-canvas`,"aria-hidden":`true`,"data-testid":`refocus-canvas`});return e.addEventListener(`webglcontextlost`,()=>{if(this.renderer===null)return;this.release(),this.fail(`The graphics driver gave up on this view: open another tab and come back, or reload the page.`);let e=this.newCanvas();this.canvas.replaceWith(e),this.canvas=e,this.result=null}),e}firstFocus({width:e,height:t}){return v(this.disparity,e,e>>1,Math.round(t*.55),Math.max(2,Math.round(e/40)))}focusOn(e){let{result:t}=this;t!==null&&(this.focus.set(v(this.disparity,t.width,e.column,e.row)),this.picker.place(this.mark,e),this.mark.hidden=!1,this.host.say(`Focus ${J(this.focus.get())}.`),this.redraw())}look(e){return{focus:this.focus.get(),aperture:this.aperture.get(),blades:Number(this.blades.value),highlights:this.highlights.get(),samples:e}}redraw(){clearTimeout(this.settled),this.canvas.dataset.state=`drawing`,this.canvas.dataset.focus=String(this.focus.get()),this.refine(++this.wish)}async refine(e){let{renderer:t}=this,n=new Promise(e=>{this.settled=window.setTimeout(e,z)}),r=performance.now();if(t===null||!await t.draw(this.look(I.draft)))return;let i=performance.now()-r,a=t.width*t.height;if(i>R&&a>V){this.release(),this.renderer=this.rendererFor(this.canvas,Math.max(V,a*R/i/2)),this.redraw();return}if(await n,e!==this.wish||this.renderer!==t)return;let o=t.affordable(I[this.quality],L[this.quality]);o>I.draft&&!await t.draw(this.look(o))||(this.canvas.dataset.state=`done`)}async save(e){let{result:t}=this;if(t===null||this.full!==null)return;let n=s(`canvas`,{});this.saving.hidden=!1,this.bar.value=0;for(let e of this.buttons)e.disabled=!0;try{this.full=this.rendererFor(n,U);let{width:r,height:a}=this.full,o=this.renderer?.affordable(I.fine,L.full,r*a)??I.fast,s=await this.full.draw(this.look(o),e=>{this.bar.value=e})?await this.full.blob(`image/${e}`):null,c=t.name.replace(/\.[^.]*$/,``);s===null?n.getContext(`webgl2`)?.isContextLost()&&this.fail(F):i(s,`${c}-refocused.${e===`png`?`png`:`jpg`}`)}catch{this.fail(F)}finally{this.full?.dispose(),this.full=null,n.getContext(`webgl2`)?.getExtension(`WEBGL_lose_context`)?.loseContext(),n.width=n.height=0,this.saving.hidden=!0;for(let e of this.buttons)e.disabled=!1}}cancel(){this.full?.stop(),this.saving.hidden=!0}rendererFor(e,t){let{image:n,width:r,height:i}=this.result,a=Math.min(1,Math.sqrt(t/(n.width*n.height))),o=s(`canvas`,{width:Math.max(1,Math.round(n.width*a)),height:Math.max(1,Math.round(n.height*a))}),c=o.getContext(`2d`);if(c===null)throw Error(`too large`);c.imageSmoothingQuality=`high`,c.drawImage(n,0,0,o.width,o.height);try{return new M(e,o,{values:this.disparity,width:r,height:i})}finally{o.width=o.height=0}}release(){clearTimeout(this.settled),this.wish++;let{renderer:e}=this;this.renderer=null,e?.dispose()}fail(e){this.failed.textContent=e,this.failed.hidden=!1}};function J(e){return e>.97?`at the near end`:e<.03?`at the far end`:`${Math.round(100*e)} % towards the near end`}export{K as refocusPanel};