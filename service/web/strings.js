// Every word the page says, in Chinese and in English.

import { ofBrowser } from "./storage.js";

const STRINGS = {
  zh: {
    title: "单目深度估计",
    tagline: "一张照片，看出远近。",
    upload: "上传照片测距",
    camera: "拍照",
    hint: "也可以把照片（一张或几张）拖进页面，或按 Ctrl+V 粘贴。",
    samples: "试试这些照片",
    coffee: "咖啡", chelsea: "小猫", rocket: "火箭", astronaut: "宇航员",
    tabs: "深度的用途",
    tabDepth: "深度图", tabCompare: "对比", tabRelief: "3D", tabParallax: "视差",
    tabPortrait: "人像", tabObstacle: "避障", tabLive: "实时",
    photo: "原图", heatmap: "深度热力图",
    photoEmpty: "照片放在这里", heatmapEmpty: "热力图会出现在这里：亮的近，暗的远",
    pointHint: "把指针移到图上，或用方向键，读出任意一点的远近。", pointHintTouch: "点一下图，读出那里的远近。",
    reading: "近度 {value}（{zone}） · x {x}，y {y}", readingMetres: "{value} · x {x}，y {y}",
    near: "近", middle: "中", far: "远",
    measureTitle: "量距离",
    measureFirst: "想知道是几米？在图上点一个地方，写上它离相机多远（用尺子或步子量）。或者点一件熟悉的东西的两端：A4 纸、地砖、门。",
    measureSecond: "很好。再点一个明显更远或更近的地方，写上它的距离。",
    measureRuler: "现在都用米了。每个数都是大约，括号里是误差。点两个地方，就能量它们之间的距离。",
    measureBorrowed: "米数沿用上一张照片的刻度：同一台相机、差不多的场景才大致可用，误差可能更大。要更准，就在这张照片上再量两处。",
    measureMetric: "这个网络直接给出米数，但不说误差有多大。点两个地方，就能量它们之间的距离。",
    distanceHere: "这里离相机几米？", setDistance: "确定", measured: "现在都用米了。",
    anchor: "{number}：{distance} ×", removeAnchor: "去掉 {number}：{distance}", distanceTyped: "{metres} 米",
    measuredOne: "记下了。再量一处，就能用米。", thingIs: "从 A 到 B 是",
    "thing.a4": "A4 纸的长边（29.7 厘米）", "thing.tile": "地砖的一边（30 厘米）", "thing.door": "门的高度（2 米）",
    thingAssumed: "这张照片没有写明镜头的视角，按 65 度算，所以误差大。东西要正对相机。",
    copyAnchors: "复制 anchors", resetMetres: "不用米了", ruler: "A 到 B：{distance}",
    distance: "约 {metres} 米（{low} 到 {high} 米）", distanceBorrowed: "约 {metres} 米（{low} 到 {high} 米，或差更多）",
    distanceOpen: "约 {metres} 米（至少 {low} 米）", distanceBeyond: "约 {low} 米以外，太远了量不出",
    distanceAlone: "约 {metres} 米（误差未知）",
    legend: "颜色含义", colours: "配色",
    legendNear: "近：离相机最近的东西", legendMiddle: "中：在两者之间",
    legendFar: "远：背景，离相机最远的东西",
    legendNearMetres: "近：不到{distance}", legendMiddleMetres: "中：{distance}左右", legendFarMetres: "远：{distance}以外",
    infernoNear: "黄、橙", infernoMiddle: "红", infernoFar: "紫、黑",
    relative: "近度是相对的：1 是这张照片里最近处，0 是最远处，不是米。",
    relativeMetres: "米数都是大约：括号里是误差范围，真实距离多半在里面。",
    histogram: "远近分布", histogramText: "近 {near}，中 {middle}，远 {far}",
    histogramMetres: "{near} 的画面不到{nearEnd}，{middle} 在中间，{far} 在{farEnd}以外。",
    downloads: "下载",
    getShare: "分享图（照片和热力图）", getHeatmap: "热力图 PNG", getDepth16: "16 位 PNG", getNpy: "NPY 数组", getPly: "下载点云 PLY",
    getGlb: "下载 3D 网格 GLB", getHeight: "3D 打印高度图", getStl: "3D 打印模型 STL", getLiving: "下载会动的照片 WebP", getVideo: "下载视频 MP4", getAnaglyph: "红青立体图",
    downloadsHint: "热力图、16 位 PNG 和 NPY 与原图同样大小。NPY 给 Python 的 numpy.load；红青立体图要戴红青眼镜看。",
    downloading: "正在准备下载…", downloaded: "已保存 {name}。",
    reading_file: "正在读取照片…", uploading: "正在上传 {percent}…", cancelled: "已取消。", restored: "照片和结果还在（{model}）。", forgotten: "这张照片已不再保留，请重新选择。", nothing: "请选择一张照片。", estimating: "正在计算深度…",
    done: "完成：{seconds} 秒（{model}）。",
    doneMany: "完成：{seconds} 秒（{model}）。{given} 个文件里用了 {photos} 张照片，算好的都在下面一排。",
    doneOnly: "完成：{seconds} 秒（{model}）。{given} 个文件里只有一张照片。",
    strip: "这些照片的结果", stripBusy: "正在算…", stripFailed: "读不了", stripAgain: "点此重试", opened: "打开了 {name}（{model}）。",
    dropNothing: "没有拖来文件。请先把图片保存下来，再拖到这里。",
    cannotShow: "深度已算好，但浏览器不能显示这种图片格式。换成 JPEG 或 PNG 就能看到原图。",
    compareHint: "拖动滑块：左边是照片，右边是热力图。",
    compareSlider: "分界位置",
    networksTitle: "几个网络对比", getNetworks: "对比所选网络", compared: "对比完成。",
    networksHint: "选两到八个网络，同一张照片排成一张图，图下是各自的毫秒数。第一次用一个网络要先加载，需要更久。",
    networksFew: "服务器上只装了一个网络。用 models pull 安装其他网络后，就能在这里对比。",
    reliefHint: "拖动旋转，滚轮缩放，双击一处就绕着那里转；键盘用方向键、加减号和回车。",
    reliefHintTouch: "一个手指拖动旋转，两个手指捏合缩放，双击一处就绕着那里转。",
    reliefSky: "去掉天空（最远处）", reliefSpin: "慢慢转",
    reliefLabel: "照片的 3D 浮雕", reliefDepth: "深浅", reliefReset: "回到正面",
    noWebgl: "这个浏览器没有开启 WebGL，无法显示此效果。请开启硬件加速，或换一个浏览器；其他标签页仍可使用。",
    parallaxHint: "移动指针，照片跟着动；键盘用方向键。", parallaxHintTouch: "手指左右滑动，照片跟着动。",
    parallaxLabel: "跟随指针的视差照片",
    amplitude: "幅度",
    portraitHint: "点一下或拖动，选择对焦点；键盘用方向键。", portraitHintTouch: "点一下，选择哪里清楚。",
    portraitLabel: "人像模式预览",
    aperture: "光圈", getPortrait: "下载原尺寸人像", getPortraitOf: "下载人像（{width} × {height}）",
    obstacleLabel: "障碍物画面，红色为近处", threshold: "近的阈值", share: "报警面积",
    alarm: "前方有障碍：{share} 的画面太近", clear: "没有报警：{share} 的画面属于最近的部分",
    alarmMetres: "前方有障碍：{share} 的画面不到{distance}", clearMetres: "没有报警：{share} 的画面不到{distance}",
    sectors: "左 {left} · 中 {centre} · 右 {right}",
    obstacleHint: "近度高于阈值的部分标红；面积超过比例就报警。相对深度不是米，不能用于安全用途。",
    obstacleHintMetres: "比这个距离更近的部分标红；面积超过比例就报警。米数都是大约，不能用于安全用途。",
    liveVideo: "摄像头画面", liveVideoEmpty: "摄像头画面会出现在这里", liveHeatmap: "摄像头画面的深度热力图",
    liveClip: "打开视频文件", clipOpening: "正在打开视频…", clipStopped: "视频已关闭。",
    clipUnreadable: "浏览器放不了“{name}”。请换成 MP4（H.264）或 WebM 再试。",
    liveRecord: "录制", liveSave: "停止并保存录像",
    liveStart: "打开摄像头", liveStop: "停止",
    liveStarting: "正在打开摄像头…", liveRunning: "实时热力图进行中（{model}）。", liveStopped: "摄像头已关闭。",
    liveFigures: "{rate} 帧/秒 · 延迟 {latency} 毫秒", liveDropped: "服务器跳过 {dropped} 帧",
    liveHint: "视频文件也可以拖进来，由浏览器解码。画面只送到此服务器计算，不会保存。延迟是从送出一帧到收到它的热力图的时间。配色在“深度图”标签页里选择。",
    liveHere: "这里：{distance}", liveMetres: "米数来自您量过的照片，同一台相机、差不多的场景才大致可用。移动指针或点一下，读出别处。",
    liveNoMetres: "想要米数？先在“深度图”里用一张照片量两处。",
    cameraTitle: "拍一张照片", shoot: "拍照", cancel: "取消",
    cameraMissing: "没有找到摄像头。请接上摄像头再试；也可以上传照片。",
    cameraInsecure: "浏览器只让 https 或 localhost 的网页使用摄像头；也可以上传照片。",
    cameraBusy: "摄像头打不开，可能正被别的程序使用。请关闭那个程序，然后再试。",
    cameraLost: "摄像头断开了。请重新连接，或再次允许使用，然后再试。",
    cameraRefused: "没有得到摄像头权限。请在浏览器地址栏旁允许使用，然后再试。",
    keyLabel: "API 密钥", keyHint: "此服务需要 API 密钥。密钥只保存在本标签页，关闭后即忘。",
    keyWrong: "这个 API 密钥无效。", keySend: "使用密钥",
    retry: "再试一次", retryAfter: "请在 {seconds} 秒后再试。",
    language: "语言", footerApi: "API 文档", footerModels: "有哪些网络", chooseModel: "换网络",
    modelsTitle: "用哪个网络", modelsHint: "网络是看出远近的程序。越大通常越准，也越慢。没有安装的，请管理员运行下面的命令。",
    modelMetres: "直接给出米数", modelRelative: "只分远近", modelWork: "计算量是默认网络的 {times} 倍", modelTook: "在这台服务器上用了 {milliseconds} 毫秒",
    detailHigh: "更精细（慢好几倍）", close: "关闭",
    credits: "示例照片：咖啡 Rachel Michetti（CC0），小猫 Stefan van der Walt（CC0），火箭 SpaceX（公有领域），宇航员 NASA（公有领域）。",
    "error.malformed-request": "请求有误，请重新选择照片。",
    "error.unauthorized": "此服务需要 API 密钥。请在下面输入。",
    "error.payload-too-large": "照片太大了，请缩小后再试。（{detail}）",
    "error.unsupported-media-type": "不支持这种文件，请用 JPEG、PNG、WebP、AVIF、GIF、BMP 或 TIFF。（{detail}）",
    "error.undecodable-image": "照片无法读取。请换一张，或重新导出。（{detail}）",
    "error.too-many-requests": "请求太频繁。",
    "error.overloaded": "服务器繁忙。",
    "error.draining": "服务器正在重启。",
    "error.deadline-exceeded": "处理超时，请再试一次，或换小一点的照片。",
    "error.empty": "这个文件是空的，请换一张照片。",
    "error.unreadable": "无法读取这个文件：选择之后它被移动或改动了，或者它是文件夹。请重新选择。",
    "error.unreachable": "无法连接服务器。请检查网络，或确认服务仍在运行，然后再试。",
    "error.contradiction": "这些距离和照片对不上：更远的地方在深度图里反而更近，或者几处一样远。请去掉一处，换一个地方再试。",
    "error.no-video": "这台服务器做不了 MP4（缺少 PyAV）。请下载 WebP。",
    "error.thing": "这两点太近或太远，量不出。请点东西的两端。",
    "error.other": "出错了：{detail}",
  },
  en: {
    title: "Depth from one photo",
    tagline: "See what is near and what is far.",
    upload: "Choose a photo",
    camera: "Take a photo",
    hint: "Or drop photos on the page, one or several, or paste one with Ctrl+V.",
    samples: "Try one of these",
    coffee: "Coffee", chelsea: "Cat", rocket: "Rocket", astronaut: "Astronaut",
    tabs: "What depth is for",
    tabDepth: "Depth", tabCompare: "Compare", tabRelief: "3D", tabParallax: "Parallax",
    tabPortrait: "Portrait", tabObstacle: "Obstacles", tabLive: "Live",
    photo: "Photo", heatmap: "Depth heatmap",
    photoEmpty: "Your photo goes here",
    heatmapEmpty: "Its heatmap appears here: bright is near, dark is far",
    pointHint: "Point at a picture, or use the arrow keys, to read how near a spot is.",
    pointHintTouch: "Tap a picture to read how near a spot is.",
    reading: "Nearness {value} ({zone}) · x {x}, y {y}", readingMetres: "{value} · x {x}, y {y}",
    near: "near", middle: "middle", far: "far",
    measureTitle: "Measure distances",
    measureFirst: "Want metres? Tap a spot and type how far it is from the camera. A ruler or your steps will do. Or tap the two ends of a thing you know: an A4 sheet, a floor tile, a door.",
    measureSecond: "Good. Now tap another spot, clearly farther or nearer, and type its distance.",
    measureRuler: "Now everything is in metres. Every number is about right, its error is in brackets. Tap two spots to measure between them.",
    measureBorrowed: "The metres are those of an earlier photo. They are rough, for the same camera and a similar scene only, and may be off by more than the brackets say. To be surer, measure two spots of this photo.",
    measureMetric: "This network gives metres by itself, but does not say how far off they are. Tap two spots to measure between them.",
    distanceHere: "How many metres is it from the camera?", setDistance: "OK", measured: "Now everything is in metres.",
    anchor: "{number}: {distance} ×", removeAnchor: "Remove spot {number}, {distance}", distanceTyped: "{metres} m",
    measuredOne: "Noted. Measure one more spot to have metres.", thingIs: "From A to B is",
    "thing.a4": "an A4 sheet's long side (29.7 cm)", "thing.tile": "a floor tile's side (30 cm)", "thing.door": "a door's height (2 m)",
    thingAssumed: "This photo does not tell the lens's angle of view. 65 degrees are assumed, so the error is large. The thing has to face the camera.",
    copyAnchors: "Copy as anchors", resetMetres: "Stop using metres", ruler: "A to B: {distance}",
    distance: "about {metres} m ({low} to {high} m)", distanceBorrowed: "about {metres} m ({low} to {high} m or worse)",
    distanceOpen: "about {metres} m (at least {low} m)", distanceBeyond: "farther than about {low} m, too far to measure",
    distanceAlone: "about {metres} m (error unknown)",
    legend: "What the colours mean", colours: "Colours",
    legendNear: "Near: what is closest to the camera", legendMiddle: "Middle: what is between",
    legendFar: "Far: the background, farthest from the camera",
    legendNearMetres: "Near: up to {distance}", legendMiddleMetres: "Middle: {distance}",
    legendFarMetres: "Far: from {distance} on",
    infernoNear: "yellow, orange", infernoMiddle: "red", infernoFar: "purple, black",
    relative: "Nearness is relative: 1 is the nearest spot of this photo, 0 the farthest. It is not metres.",
    relativeMetres: "Metres are about right: the true distance is most likely within the brackets.",
    histogram: "How much is near, how much is far",
    histogramText: "{near} near, {middle} middle, {far} far",
    histogramMetres: "{near} of the photo is nearer than {nearEnd}, {middle} is between, {far} is farther than {farEnd}.",
    downloads: "Download",
    getShare: "Picture to share", getHeatmap: "Heatmap PNG", getDepth16: "16-bit PNG", getNpy: "NPY array", getPly: "Download point cloud PLY",
    getGlb: "Download 3D mesh GLB", getHeight: "Height map for 3D printing", getStl: "Download plate for 3D printing STL", getLiving: "Download living photo WebP", getVideo: "Download video MP4", getAnaglyph: "Red-cyan 3D",
    downloadsHint: "The heatmap, 16-bit PNG and NPY have the photo's size. NPY is for Python's numpy.load, red-cyan for glasses of those colours.",
    downloading: "Preparing the download…", downloaded: "Saved {name}.",
    reading_file: "Reading the photo…", uploading: "Uploading {percent}…", cancelled: "Cancelled.", restored: "Your photo and its depth are still here ({model}).", forgotten: "This photo is no longer kept. Please choose it again.", nothing: "Choose a photo.", estimating: "Estimating depth…",
    done: "Done in {seconds} s ({model}).",
    doneMany: "Done in {seconds} s ({model}). Of {given} files, {photos} photos are used; their results come in the row below.",
    doneOnly: "Done in {seconds} s ({model}). Of {given} files, only one is a photo.",
    strip: "Results of these photos", stripBusy: "working", stripFailed: "not readable", stripAgain: "try again", opened: "Opened {name} ({model}).",
    dropNothing: "No file came with that. Save the picture first, then drop it here.",
    cannotShow: "The depth is ready, but this browser cannot show that image format. A JPEG or PNG would show beside it.",
    compareHint: "Drag the slider: the photo is on the left, the heatmap on the right.",
    compareSlider: "Where the pictures meet",
    networksTitle: "Compare networks", getNetworks: "Compare the chosen ones", compared: "Compared.",
    networksHint: "Choose two to eight: one sheet shows what each makes of this photo, and its milliseconds. A network's first time takes longer, since it is loaded.",
    networksFew: "This server has one network only. Others that are installed with models pull can be compared here.",
    reliefHint: "Drag to turn, scroll to zoom, double-click a spot to turn about it; on the keyboard, arrow keys, plus, minus and Enter.",
    reliefHintTouch: "Drag with one finger to turn, pinch with two to zoom, double-tap a spot to turn about it.",
    reliefSky: "Leave out the sky (what is farthest)", reliefSpin: "Turn slowly",
    reliefLabel: "The photo as a 3D relief", reliefDepth: "Depth", reliefReset: "Reset view",
    noWebgl: "This browser has WebGL turned off, which this view needs. Turn on hardware acceleration or try another browser; the other tabs still work.",
    parallaxHint: "Move the pointer and the photo follows; on the keyboard, arrow keys.",
    parallaxHintTouch: "Slide a finger left and right and the photo follows.",
    parallaxLabel: "The photo, following the pointer",
    amplitude: "Strength",
    portraitHint: "Click or drag to choose what is sharp; on the keyboard, arrow keys.",
    portraitHintTouch: "Tap what shall be sharp.",
    portraitLabel: "Portrait mode preview",
    aperture: "Aperture", getPortrait: "Download full size", getPortraitOf: "Download portrait ({width} × {height})",
    obstacleLabel: "Obstacles: what is near is red", threshold: "Near is above", share: "Alarm above",
    alarm: "Obstacle ahead: {share} of the view is too near",
    clear: "No alarm: {share} of the view is among the nearest parts",
    alarmMetres: "Obstacle ahead: {share} of the view is nearer than {distance}",
    clearMetres: "No alarm: {share} of the view is nearer than {distance}",
    sectors: "left {left} · centre {centre} · right {right}",
    obstacleHint: "What is nearer than the threshold turns red; the alarm rises when that is too much of the view. Relative depth is not metres: do not rely on it for safety.",
    obstacleHintMetres: "What is nearer than this distance turns red; the alarm rises when that is too much of the view. Metres are about right only: do not rely on them for safety.",
    liveVideo: "Camera", liveVideoEmpty: "The camera's picture appears here",
    liveHeatmap: "Depth heatmap of the camera's picture",
    liveClip: "Open a video", clipOpening: "Opening the video…", clipStopped: "The video is closed.",
    clipUnreadable: "The browser cannot play “{name}”. Try it as MP4 (H.264) or WebM.",
    liveRecord: "Record", liveSave: "Stop and save the recording",
    liveStart: "Start camera", liveStop: "Stop",
    liveStarting: "Starting the camera…", liveRunning: "The heatmap is live ({model}).",
    liveStopped: "The camera is off.",
    liveFigures: "{rate} fps · latency {latency} ms", liveDropped: "{dropped} dropped by the server",
    liveHint: "A video file can be dropped here, too; the browser decodes it. Frames go to this server only and are not kept. Latency is from sending a frame to having its heatmap. The colours are those chosen in the Depth tab.",
    liveHere: "Here: {distance}", liveMetres: "The metres are those of the photo you measured: rough, for the same camera and a similar scene only. Point or tap to read elsewhere.",
    liveNoMetres: "Want metres? First measure two spots of a photo in the Depth tab.",
    cameraTitle: "Take a photo", shoot: "Take it", cancel: "Cancel",
    cameraMissing: "No camera was found. Connect one and try again, or upload a photo.",
    cameraInsecure: "Browsers allow cameras on pages with https or on localhost only; or upload a photo.",
    cameraBusy: "The camera does not open; another program may be using it. Close that, then try again.",
    cameraLost: "The camera went away. Connect or allow it again, then try again.",
    cameraRefused: "The camera was not allowed. Allow it beside the browser's address bar, then try again.",
    keyLabel: "API key",
    keyHint: "This service needs an API key. It is kept in this tab only and forgotten when you close it.",
    keyWrong: "That API key is not valid.", keySend: "Use key",
    retry: "Try again", retryAfter: "Try again in {seconds} s.",
    language: "Language", footerApi: "API", footerModels: "Networks", chooseModel: "Other networks",
    modelsTitle: "Which network", modelsHint: "A network is the program that sees what is near. Larger ones are mostly better, and slower. Those that are not installed show the command for whoever runs this server.",
    modelMetres: "gives metres", modelRelative: "tells near from far", modelWork: "{times} times the work of the usual one", modelTook: "took {milliseconds} ms on this machine",
    detailHigh: "Finer detail (several times slower)", close: "Close",
    credits: "Sample photos: coffee by Rachel Michetti (CC0), cat by Stefan van der Walt (CC0), rocket by SpaceX (public domain), astronaut by NASA (public domain).",
    "error.malformed-request": "Something was wrong with the request; please choose the photo again.",
    "error.unauthorized": "This service needs an API key. Please enter it below.",
    "error.payload-too-large": "The photo is too large; please make it smaller and try again. ({detail})",
    "error.unsupported-media-type": "Not a supported kind of file; please use JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF. ({detail})",
    "error.undecodable-image": "The photo cannot be read. Please choose another or export it again. ({detail})",
    "error.too-many-requests": "That was too many requests at once.",
    "error.overloaded": "The server is busy.",
    "error.draining": "The server is restarting.",
    "error.deadline-exceeded": "It took too long; please try again, or with a smaller photo.",
    "error.empty": "This file is empty; please choose another.",
    "error.unreadable": "This file cannot be read: it was moved or changed since it was chosen, or is a folder. Please choose it again.",
    "error.unreachable": "The server cannot be reached. Check the network, or whether the service still runs, then try again.",
    "error.contradiction": "These distances do not fit the photo: a spot that is farther looks nearer in it, or all spots are equally far. Remove one and try another.",
    "error.no-video": "This server cannot make MP4: it has no PyAV. Please take the WebP.",
    "error.thing": "These two spots are too close together. Please tap the two ends of the thing.",
    "error.other": "Something went wrong: {detail}",
  },
};

const REMEMBERED = "language";
const listeners = [];
let language = remembered() ?? preferred();

function remembered() {
  const choice = ofBrowser.get(REMEMBERED);
  return choice in STRINGS ? choice : null;
}

function preferred() {
  const known = navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => tag in STRINGS);
  return known ?? "en";
}

/** The words for a key in the page's language, with {names} filled in. */
export function say(key, values = {}) {
  return STRINGS[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export function knows(key) {
  return key in STRINGS[language];
}

export function currentLanguage() {
  return language;
}

/** Call back now and whenever the language changes. */
export function onLanguage(listener) {
  listeners.push(listener);
  listener();
}

export function speak(choice) {
  language = choice;
  ofBrowser.set(REMEMBERED, choice);
  listeners.forEach((listener) => listener());
}

/** Put the words into every element that names one: data-say its text, data-label its label. */
export function translate() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = say("title");
  for (const element of document.querySelectorAll("[data-say]")) {
    element.textContent = say(element.dataset.say);
  }
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", say(element.dataset.label));
  }
}
