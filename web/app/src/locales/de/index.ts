/** All texts of the language, by namespace, to be loaded at once. */
export default import.meta.glob<Record<string, unknown>>("./*.json", { eager: true, import: "default" });
