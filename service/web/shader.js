// A WebGL picture computed per pixel from a photo and its nearness.

const VERTEX = `#version 300 es
out vec2 at;
void main() {
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1) * 2.0;
  at = vec2(corner.x, 1.0 - corner.y);
  gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}`;

const FRAGMENT_HEAD = `#version 300 es
precision highp float;
uniform sampler2D photo;
uniform sampler2D nearness;
uniform vec2 size;
in vec2 at;
out vec4 colour;
`;

export class Shader {
  #gl;
  #fragment;
  #program;
  #scene = null;
  #full = [1, 1];
  /** Called when the device was lost and is there again: what was drawn is gone. */
  restored = () => {};

  /** Null where the browser has no WebGL 2. */
  static on(canvas, fragment) {
    const gl = canvas.getContext("webgl2", { preserveDrawingBuffer: true });
    return gl ? new Shader(gl, fragment) : null;
  }

  constructor(gl, fragment) {
    [this.#gl, this.#fragment] = [gl, fragment];
    this.#build();
    // Without this nobody gets it back.
    gl.canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    gl.canvas.addEventListener("webglcontextrestored", () => {
      this.#build();
      if (this.#scene) this.load(this.#scene);
      this.restored();
    });
  }

  #build() {
    const gl = this.#gl;
    this.#program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT_HEAD + this.#fragment]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(this.#program, shader);
    }
    gl.linkProgram(this.#program);
    if (!gl.getProgramParameter(this.#program, gl.LINK_STATUS)) {
      throw new Error(gl.getProgramInfoLog(this.#program));
    }
    gl.useProgram(this.#program);
    // One picture after the other is put into these.
    this.#texture(0, "photo");
    this.#texture(1, "nearness");
  }

  load(scene) {
    const gl = this.#gl;
    this.#scene = scene;
    this.#full = [scene.width, scene.height];
    // A coarse picture shall not be a hair flatter, or what is below would move.
    gl.canvas.style.aspectRatio = scene.width / scene.height;
    gl.activeTexture(gl.TEXTURE0);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, scene.photo);
    gl.activeTexture(gl.TEXTURE1);
    // Half floats, because every device can interpolate those.
    gl.texImage2D(
      gl.TEXTURE_2D, 0, gl.R16F, scene.width, scene.height, 0, gl.RED, gl.FLOAT, scene.nearness,
    );
  }

  /** Draw with uniforms given by name, a number or a pair, at `scale` times the photo's size. */
  draw(uniforms, scale = 1) {
    const gl = this.#gl;
    this.#resize(this.#full.map((side) => Math.max(1, Math.round(scale * side))));
    for (const [name, value] of Object.entries(uniforms)) {
      const location = gl.getUniformLocation(this.#program, name);
      if (Array.isArray(value)) gl.uniform2f(location, ...value);
      else gl.uniform1f(location, value);
    }
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  #resize([width, height]) {
    const gl = this.#gl;
    if (gl.canvas.width !== width || gl.canvas.height !== height) {
      [gl.canvas.width, gl.canvas.height] = [width, height];
      gl.viewport(0, 0, width, height);
    }
    gl.uniform2f(gl.getUniformLocation(this.#program, "size"), width, height);
  }

  #texture(unit, name) {
    const gl = this.#gl;
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
    gl.uniform1i(gl.getUniformLocation(this.#program, name), unit);
  }
}

/** Say in words that a frame's picture needs WebGL. */
export function sayNoWebgl(frame) {
  frame.querySelector("canvas").hidden = true;
  frame.querySelector(".empty").hidden = false;
  frame.querySelector(".marker")?.remove();
}
