// Tables of a panel: what both sides saw, the records of a run, fields of a frame.

const newTable = ({ caption, columns, rows, more }) => {
  const cells = (tag, texts, properties = {}) => texts.map((text) => make(tag, { textContent: text, ...properties }));
  const head = make("thead", {}, make("tr", {}, ...cells("th", columns, { scope: "col" })));
  const body = make("tbody", {}, ...rows.map((row) => make("tr", {}, ...cells("td", row))));
  const rest = more ? `, the first ${rows.length} of ${rows.length + more} rows` : "";
  const table = make("table", {}, make("caption", { textContent: caption + rest }), head, body);
  return make("div", { className: "wslab-table", tabIndex: 0, role: "region", "aria-label": caption }, table);
};
