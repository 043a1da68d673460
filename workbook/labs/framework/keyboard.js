// Keyboard, names, code in options and the copy button of panels: what the widgets of ipywidgets leave out. See keyboard.py.

const PANEL = ".lesson-keys";

// ipywidgets gives this class to every view whose kernel has restarted or died, and with it the icon of a broken link.
const DISCONNECTED = "jupyter-widgets-disconnected";

// Listening at the window comes before JupyterLab, which listens at the document. Shortcuts with a modifier (save,
// run) and Escape stay JupyterLab's.
function keepKeys(event) {
  if (!event.target.closest?.(PANEL)) return;
  const forLab = event.ctrlKey || event.metaKey || event.altKey || event.key === "Escape"
    || (event.shiftKey && event.key === "Enter");
  event.target.toggleAttribute("data-lm-suppress-shortcuts", !forLab);
}

// Radio buttons with one name are a group: arrow keys move between them, and screen readers say how many there are.
function groupRadioButtons(event) {
  const box = event.target.closest?.(`${PANEL} .widget-radio-box`);
  if (!box || event.target.name) return;
  const name = `lesson-radio-${Math.random().toString(36).slice(2)}`;
  box.querySelectorAll("input[type=radio]").forEach((radio) => { radio.name = name; });
  const label = box.parentElement.querySelector(".widget-label");
  box.setAttribute("role", "radiogroup");
  if (label) box.setAttribute("aria-label", label.textContent);
}

// The clipboard API is missing where a hub is served without TLS; selecting and copying works everywhere.
function copy(event) {
  const button = event.target.closest?.(`${PANEL} button.lab-copy`);
  if (!button) return;
  const code = button.closest(".widget-html-content").querySelector("pre");
  getSelection().selectAllChildren(code);
  document.execCommand("copy");
  button.textContent = "Copied";
}

// The picture and its sentence alone, for a projector. Escape, or its button again, leads back.
function fillScreen(event) {
  const panel = event.target.closest?.(".lab-full")?.closest(".workbook-lab");
  if (!panel) return;
  const shown = panel.querySelector(".lab-shown:has(.lab-picture)") ?? panel.querySelector(".lab-picture");
  if (document.fullscreenElement) document.exitFullscreen();
  else shown.requestFullscreen();
}

// The handle of a slider gets the name that stands beside it.
function nameSliders(panel) {
  panel.querySelectorAll(".noUi-handle:not([aria-label])").forEach((handle) => {
    const label = handle.closest(".widget-slider")?.querySelector(".widget-label")?.textContent.trim();
    if (label) handle.setAttribute("aria-label", label);
  });
}

// Buttons with an icon alone have their name in the tooltip only.
function nameIcons(panel) {
  panel.querySelectorAll(".lab-full[title]:not([aria-label])").forEach((button) => {
    button.setAttribute("aria-label", button.title);
  });
}

// A chip says whether the controls that it opens are shown.
function nameChips(panel) {
  panel.querySelectorAll(".lab-chip").forEach((chip) => {
    const isOpen = String(chip.classList.contains("lab-open"));
    if (chip.getAttribute("aria-expanded") !== isOpen) chip.setAttribute("aria-expanded", isOpen);
  });
}

// Radio buttons can only show plain text: what stands between backticks becomes code.
function showCode(panel) {
  panel.querySelectorAll(".widget-radio-box label").forEach((label) => {
    const text = [...label.childNodes].find((node) => node.nodeType === Node.TEXT_NODE && node.data.includes("`"));
    if (!text) return;
    const line = document.createElement("span");
    text.data.split("`").forEach((part, i) => {
      const piece = i % 2 ? line.appendChild(document.createElement("code")) : line;
      piece.append(part);
    });
    text.replaceWith(line);
  });
}

// Once a page is enough for all panels, however many of them load this file.
function listenOnce() {
  if (window.lessonKeys) return;
  window.lessonKeys = true;
  window.addEventListener("keydown", keepKeys, true);
  window.addEventListener("focusin", groupRadioButtons, true);
  window.addEventListener("click", copy, true);
  window.addEventListener("click", fillScreen, true);
}

// The panel would keep a verdict that may be out of date, and buttons that do nothing.
function sayThatTheKernelIsGone(panel, sentence) {
  panel.classList.remove(DISCONNECTED);
  if (panel.querySelector(":scope > .panel-gone")) return;
  const hidden = panel.matches(PANEL) ? panel.children : [panel]; // a note beside a panel goes: the panel says it
  for (const node of hidden) node.style.setProperty("display", "none", "important");
  const text = document.createElement("p");
  text.className = "panel-gone";
  text.setAttribute("role", "status");
  text.textContent = sentence;
  panel.append(text);
}

// A kernel that was shut down leaves no mark on its views, but sending to it fails.
function watchKernel(panel, model) {
  const look = () => {
    if (!panel.classList.contains(DISCONNECTED)) return;
    sayThatTheKernelIsGone(panel, "The kernel was restarted: run this cell again.");
  };
  const ask = () => {
    try {
      model.send({});
    } catch {
      sayThatTheKernelIsGone(panel, "The kernel of this panel is gone: run this cell again.");
    }
  };
  const observer = new MutationObserver(look);
  observer.observe(panel, { attributeFilter: ["class"] });
  panel.addEventListener("focusin", ask);
  panel.addEventListener("click", ask);
  look();
  return observer;
}

function render({ model, el }) {
  listenOnce();
  let observer = null;
  let kernel = null;
  let waiting = 0;
  const start = () => {
    const panel = el.closest(`${PANEL}, .workbook-lab`);
    if (!panel) {
      waiting = requestAnimationFrame(start); // the element is put into the page after it is rendered
      return;
    }
    // Sliders can be added later, as with a layer of the Layer Lab.
    const improve = () => { nameSliders(panel); nameIcons(panel); nameChips(panel); showCode(panel); };
    observer = new MutationObserver(improve);
    observer.observe(panel, { childList: true, subtree: true, attributeFilter: ["class"] });
    improve();
    kernel = watchKernel(panel, model);
  };
  start();
  return () => {
    cancelAnimationFrame(waiting);
    observer?.disconnect();
    kernel?.disconnect();
  };
}

export default { render };
