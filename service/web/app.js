// The first page: a photo in, its heatmap beside it, errors in words.

const WORDS = {
  "malformed-request": "请求有误，请重新选择照片。 Please choose the photo again.",
  "payload-too-large": "照片太大了。 The photo is too large.",
  "unsupported-media-type": "不支持这种文件，请用 JPEG、PNG、WebP、BMP 或 TIFF。 Not a supported image format.",
  "undecodable-image": "照片已损坏，无法读取。 The photo is damaged and cannot be read.",
  overloaded: "服务器繁忙，请稍后再试。 The server is busy; please try again soon.",
  draining: "服务器正在重启，请稍后再试。 The server is restarting; please try again soon.",
  "deadline-exceeded": "处理超时，请再试一次。 It took too long; please try again.",
};

const byId = (id) => document.getElementById(id);
const [input, photo, heatmap, status] = ["file", "photo", "heatmap", "status"].map(byId);
let current = null;

function say(text, isError = false) {
  status.textContent = text;
  status.classList.toggle("error", isError);
}

function show(image, blob) {
  if (image.src) URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(blob);
  image.hidden = false;
}

async function explain(response) {
  const problem = await response.json().catch(() => ({}));
  return WORDS[problem.type] ?? problem.detail ?? `HTTP ${response.status}`;
}

async function measure(file) {
  current?.abort();
  const run = (current = new AbortController());
  show(photo, file);
  heatmap.hidden = true;
  say("正在计算深度… Estimating depth…");
  const form = new FormData();
  form.append("image", file);
  const started = performance.now();
  try {
    const response = await fetch("predict", { method: "POST", body: form, signal: run.signal });
    if (!response.ok) {
      say(await explain(response), true);
      return;
    }
    show(heatmap, await response.blob());
    say(`完成 Done: ${((performance.now() - started) / 1000).toFixed(2)} s`);
  } catch (error) {
    if (error.name !== "AbortError") {
      say("无法连接服务器。 The server cannot be reached.", true);
    }
  }
}

input.addEventListener("change", () => {
  if (input.files.length) measure(input.files[0]);
  input.value = "";
});
photo.addEventListener("error", () => { photo.hidden = true; });

for (const name of ["dragenter", "dragover"]) {
  addEventListener(name, (event) => {
    event.preventDefault();
    document.body.classList.add("dragging");
  });
}
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dragging");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dragging");
  const [file] = event.dataTransfer.files;
  if (file) measure(file);
});
