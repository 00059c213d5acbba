// The page of a server in a frame below a cell.

function pageFrame() {
  return {
    initialize({ model }) {
      const saved = model.get("saved");
      const id = saved.metadata.nbstream.panel;
      saveAsOutput(model, id, () => saved);
      restoreWidget(model, id);
    },

    render({ model, el }) {
      const frame = document.createElement("iframe");
      frame.src = model.get("address");
      frame.height = model.get("height");
      frame.title = "nbstream chat";
      frame.className = "nbstream-page";
      el.append(frame);
    },
  };
}
