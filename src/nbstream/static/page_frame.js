// A page in a frame below a cell.

const pageFrame = {
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
    frame.title = "The page";
    frame.style = "width: 100%; border: 1px solid #8884; border-radius: 6px";
    el.append(frame);
  },
};
