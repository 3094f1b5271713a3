import js from "@eslint/js";
import hooks from "eslint-plugin-react-hooks";
import globals from "globals";
import ts from "typescript-eslint";

// Imports go one way: shared, then features, then app; a feature knows no other.
const features = ["board", "conversation", "sessions", "settings", "status"];
const noFeature = (but) =>
  features.filter((name) => name !== but).map((name) => ({ group: [`**/features/${name}/**`], message: "Features know only what is shared." }));
const only = (patterns) => ({ "no-restricted-imports": ["error", { patterns }] });

export default ts.config(
  { ignores: ["**/dist/**", "**/node_modules/**"] },
  js.configs.recommended,
  ...ts.configs.strictTypeChecked,
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ["*.js", "scripts/*.mjs", "*/vite.config.ts", "vitest.config.ts"] } } },
    rules: {
      "max-lines": ["error", 400],
      "max-lines-per-function": ["error", 50],
      "no-restricted-syntax": [
        "error",
        { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: "Text becomes nodes, never HTML." },
        { selector: "AssignmentExpression[left.property.name=/^(innerHTML|outerHTML)$/]", message: "Text becomes nodes, never HTML." },
        { selector: "CallExpression[callee.property.name=/^(insertAdjacentHTML|write|createContextualFragment)$/]", message: "Text becomes nodes, never HTML." },
      ],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
    },
  },
  { files: ["client/src/**", "widget/src/**", "app/src/**"], languageOptions: { globals: globals.browser } },
  { files: ["app/src/**/*.{ts,tsx}"], ...hooks.configs.flat["recommended-latest"] },
  { files: ["app/src/shared/**"], rules: only([{ group: ["**/features/**", "**/app/**"], message: "What is shared knows no feature." }]) },
  ...features.map((name) => ({ files: [`app/src/features/${name}/**`], rules: only([...noFeature(name), { group: ["**/app/**"], message: "Features know only what is shared." }]) })),
  // A group of tests is a list, not a function.
  { files: ["*/test/**"], rules: { "max-lines-per-function": "off" } },
  {
    files: ["**/*.{js,mjs}"],
    extends: [ts.configs.disableTypeChecked],
    languageOptions: { globals: globals.node },
  },
  { files: ["widget/demo/**"], languageOptions: { globals: globals.browser } },
);
