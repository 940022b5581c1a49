// Who may import whom. A folder is a realm; what is not listed here is refused.

/** One row of the table: `from` may import itself, the listed folders, packages (unless narrowed) and nothing else of the project. */
function row(name, from, to, options = {}) {
  return {
    name,
    severity: 'error',
    comment: options.comment ?? `${from} may import: ${to.join(', ') || 'no other project code'}`,
    from: { path: from, pathNot: options.except ?? [] },
    to: {
      path: '^(src|workers|shaders|tests|training)/',
      pathNot: [from, ...to],
    },
  }
}

const SHARED = '^src/shared/'
const ENGINE = '^workers/engine/'
const WORKER_FOLDERS = '^workers/(pipeline|models|ops|engine|weights|text|media|storage|safety)/'

/** What brings a model's files to the GPU: an architecture's runtime, and the files that it shares with others. */
const LOADERS =
  '^workers/models/((architecture|registry|load-on-gpu|gpu-memory-budget|model-files|checkpoint-kind|open-gguf)|[^/]+/(runtime|files|check-files|cached-models|encoder-on-demand|decoder-on-demand|block-probe|tokenizer|gguf-table|gguf-names))\\.ts$'
const MANIFESTS = '^workers/models/(manifests|[^/]+/(manifest|presets))\\.ts$'

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', comment: 'Type-only imports count.', from: {}, to: { circular: true } },
    {
      name: 'no-drawers',
      severity: 'error',
      comment: 'Name a file after what it does: no utils, misc or helpers.',
      from: {},
      to: { path: ['/(utils?|misc|helpers?)[.]', '/(utils?|misc|helpers?)/'], pathNot: '^node_modules/' },
    },
    {
      name: 'declared-packages',
      severity: 'error',
      comment: 'The package is missing from package.json.',
      from: { path: '^(src|workers)/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev'], pathNot: ['@webgpu/types', '^virtual:', '/workbox-'] },
    },

    row('main', '^src/(main\\.ts|App\\.svelte)$', ['^src/(views|state)/', '^src/[^/]+\\.(svelte|ts|css)$']),
    row('views', '^src/views/', ['^src/(components|state|shared)/']),
    row('components', '^src/components/', [SHARED]),
    row('state', '^src/state/', ['^src/rpc/', SHARED]),
    row('rpc', '^src/rpc/', [SHARED]),
    row('shared', SHARED, ['^workers/models/manifests\\.ts$']),
    row('service-worker', '^src/service-worker\\.ts$', [SHARED]),

    row('worker-apis', '^workers/[^/]+\\.worker\\.ts$', [
      '^workers/(pipeline|storage|text|media|safety)/',
      '^workers/weights/(fetch-file|downloads)\\.ts$',
      SHARED,
    ]),
    row('pipeline', '^workers/pipeline/', [WORKER_FOLDERS, SHARED]),
    row('networks', '^workers/models/', ['^workers/ops/', '^workers/engine/(tensor|scope|half-floats|until-aborted)\\.ts$', SHARED], {
      comment: 'A network is written in ops and tensors: no WGSL text, no GPUDevice, no files. What loads it may import more: see `loaders`.',
      except: [LOADERS],
    }),
    row('loaders', LOADERS, ['^workers/(models|ops|engine|weights|text)/', SHARED], { comment: 'Files of a model on their way to the GPU.' }),
    row('manifests', MANIFESTS, [SHARED], { comment: 'Pure data, which the page reads too.' }),
    {
      name: 'architectures-stay-in-models',
      severity: 'error',
      comment: 'Outside workers/models nothing imports an architecture: ask workers/models/registry.ts.',
      from: { path: '^(src|workers)/', pathNot: '^workers/models/' },
      to: { path: '^workers/models/[^/]+/' },
    },
    row('ops', '^workers/ops/', [ENGINE, '^shaders/', SHARED]),
    row('engine', ENGINE, [SHARED]),
    row('weights', '^workers/weights/', ['^workers/(ops|engine|storage)/', SHARED]),
    row('safety', '^workers/safety/', ['^workers/(ops|engine|text)/', SHARED]),
    row('media', '^workers/media/', [SHARED]),
    row('storage', '^workers/storage/', [SHARED]),
    row('text', '^workers/text/', [SHARED]),

    {
      name: 'page-without-engines',
      severity: 'error',
      comment: 'The page has no GPU, no ONNX Runtime and no codecs: those belong to workers.',
      from: { path: '^src/' },
      to: { path: '^node_modules/(@huggingface|onnxruntime|webm-muxer|mediabunny)' },
    },
    {
      name: 'workers-without-svelte',
      severity: 'error',
      from: { path: '^workers/' },
      to: { path: '^node_modules/(svelte|bits-ui)/' },
    },
    {
      name: 'app-without-tests',
      severity: 'error',
      from: { path: '^(src|workers)/' },
      to: { path: '^(tests|training)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    includeOnly: ['^(src|workers|shaders|tests)/', '^node_modules/'],
    exclude: { path: '^(dist|test-results)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.node.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'browser', 'svelte', 'types', 'default'],
      extensions: ['.ts', '.svelte.ts', '.svelte', '.mjs', '.js', '.json', '.d.ts'],
    },
    moduleSystems: ['es6', 'cjs'],
    // for error messages that name the file
    progress: { type: 'none' },
  },
}
