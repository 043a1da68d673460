// Reports how much room a lab's picture has, and how many device pixels, so that the kernel draws it for that. See viewport.py.

const LEAST = 150, MOST = 300; // height of a picture inside a notebook
const PAUSE = 120; // milliseconds; a window that is being resized changes more often

function parts(el) {
  const panel = el.closest(".workbook-lab");
  const shown = panel?.querySelector(".lab-shown");
  const [picture, words] = [".lab-picture", ".lab-verdict"].map((each) => panel?.querySelector(each));
  return shown && picture && words && { panel, shown, picture, words };
}

function render({ model, el }) {
  let all = null, observer = null, timer = 0, waiting = 0, lastWidth = 0, highest = 0;

  const report = () => {
    timer = 0;
    const { panel, shown, picture, words } = all;
    const width = picture.clientWidth;
    if (!width) return; // a cell that is folded, or far away
    const full = document.fullscreenElement?.contains(picture);
    const page = panel.closest(".jp-WindowedPanel-outer, .jp-NotebookPanel-notebook");
    const room = full || !page ? window.innerHeight : page.clientHeight;
    // The controls below would move under the pointer if each sentence had its own height.
    if (width !== lastWidth) {
      [lastWidth, highest] = [width, 0];
      words.style.minHeight = ""; // the sentence is as high as its place
    }
    const needed = words.querySelector(".widget-html-content")?.offsetHeight ?? 0;
    if (needed > highest) highest = needed;
    words.style.minHeight = `${highest}px`;
    const scale = full ? Math.max(1, width / 1000) : 1;
    const height = full
      ? (room - (shown.contains(picture) ? words.offsetHeight : 0) - 40) / scale
      : Math.min(MOST, Math.max(LEAST, room / 2 - 10));
    const size = [Math.floor(width / scale), Math.floor(height), window.devicePixelRatio * scale];
    if (String(size) !== String(model.get("size"))) {
      model.set("size", size);
      model.save_changes();
    }
    panel.style.setProperty("--lab-room", `${room}px`);
    const high = `${shown.offsetHeight}px`;
    if (panel.style.getPropertyValue("--lab-shown") === high) return;
    panel.style.setProperty("--lab-shown", high);
    // A longer sentence must not cover the control that led to it.
    const control = document.activeElement;
    if (panel.contains(control) && !shown.contains(control)) control.scrollIntoView({ block: "nearest" });
  };
  const later = () => { timer ||= setTimeout(report, PAUSE); };
  const start = () => {
    all = parts(el);
    if (!all) {
      waiting = requestAnimationFrame(start); // the element is put into the page after it is rendered
      return;
    }
    observer = new ResizeObserver(later);
    [all.shown, all.picture, all.words].forEach((node) => observer.observe(node));
    window.addEventListener("resize", later);
    document.addEventListener("fullscreenchange", later);
    report();
  };
  start();
  return () => {
    cancelAnimationFrame(waiting);
    clearTimeout(timer);
    observer?.disconnect();
    window.removeEventListener("resize", later);
    document.removeEventListener("fullscreenchange", later);
  };
}

export default { render };
