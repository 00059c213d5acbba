// Says what the page is doing until Python is there: it is some 15 MB, once.

const SAID = {
  page: "Loading JupyterLab …",
  python: "Starting Python in this page: some 15 MB, kept by the browser from then on …",
  slow: "Python is still starting. Nothing is installed, and nothing leaves this page.",
};
const SLOW_MS = 20000;

const notice = document.createElement("div");
notice.id = "nbstream-loading";
notice.role = "status";
document.head.insertAdjacentHTML(
  "beforeend",
  `<style>
    #nbstream-loading {
      position: fixed; z-index: 10000; bottom: 0; left: 0; right: 0; padding: 10px 16px;
      font: 14px/1.4 system-ui, sans-serif; text-align: center;
      color: #fff; background: #1f4e79;
    }
  </style>`,
);

const began = performance.now();

function kernel() {
  const panel = window.jupyterapp?.shell?.currentWidget;
  return panel?.sessionContext ? (panel.sessionContext.session?.kernel ?? {}) : null;
}

function look() {
  const found = kernel();
  if (found?.status === "idle" || found?.status === "busy") return notice.remove();
  const isSlow = performance.now() - began > SLOW_MS;
  notice.textContent = found === null ? SAID.page : isSlow ? SAID.slow : SAID.python;
  if (!notice.isConnected) document.body.append(notice);
  setTimeout(look, 200);
}

if (document.body) look();
else addEventListener("DOMContentLoaded", look);
