import svelte from 'eslint-plugin-svelte'
import ts from 'typescript-eslint'

/** Rules for components, those that need types included; all other files have oxlint (.oxlintrc.json, .oxlintrc-types.json). */
export default ts.config(
  { ignores: ['dist/', 'node_modules/', 'training/', 'test-results/', 'playwright-report/', 'public/', '.cache/', '.svelte-check/'] },
  ...ts.configs.recommended,
  ...svelte.configs.recommended,
  {
    files: ['**/*.ts', '**/*.svelte', '**/*.svelte.ts'],
    languageOptions: {
      parserOptions: {
        projectService: true,
        tsconfigRootDir: import.meta.dirname,
        extraFileExtensions: ['.svelte'],
      },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }],
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports' }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser } },
  },
  {
    files: ['**/*.ts', '**/*.svelte', '**/*.js', '**/*.mjs', '**/*.cjs'],
    rules: { eqeqeq: ['error', 'always', { null: 'ignore' }], 'no-console': ['error', { allow: ['warn', 'error'] }], 'prefer-const': 'error' },
  },
  { files: ['scripts/**', 'tests/bench/**', '**/*.mjs'], rules: { 'no-console': 'off' } },
  { files: ['**/*.cjs'], rules: { '@typescript-eslint/no-require-imports': 'off' } },
)
