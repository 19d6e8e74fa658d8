import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Template } from '@millrace/schemas';
import fc from 'fast-check';
import { Liquid } from 'liquidjs';
import { templateWith } from '../specimen.ts';
import type { Variables } from './part-renderer.ts';
import { TemplateError } from './template-error.ts';
import { TemplateRenderer, type TemplateRendererOptions, templateProblems } from './template-renderer.ts';

const rendered = (template: Partial<Template>, variables: Variables, options?: TemplateRendererOptions) =>
  new TemplateRenderer(options).compiled(templateWith(template)).render(variables);
const decoded = (body: { readonly encoded: readonly string[] } | null): string =>
  Buffer.from(
    (body?.encoded.join('') ?? '')
      .replaceAll('=\r\n', '')
      .replaceAll(/=([0-9A-F]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16))),
    'latin1',
  ).toString('utf8');
const problems = (template: Partial<Template>): readonly string[] =>
  templateProblems(templateWith(template)).map(({ message }) => message);
const failsWith = (words: RegExp) => (error: unknown) =>
  error instanceof TemplateError && error.code === 'ERR_TEMPLATE_RENDER' && words.test(error.message);

const hostile = '<b>"A" & \'B\'</b>';

for (const language of ['liquid', 'handlebars']) {
  test(`${language}: values are text in HTML, and as they are in text, subject and header fields`, () => {
    const result = rendered(
      {
        language,
        subject: '{{ a }}',
        text: '{{ a }}',
        html: '<p>{{ a }}</p>',
        headers: [{ name: 'X-A', value: '{{ a }}' }],
      },
      { a: hostile },
    );
    assert.equal(result.subject, hostile);
    assert.equal(decoded(result.text), hostile);
    assert.deepEqual(result.headers, [{ name: 'X-A', value: hostile }]);
    assert.doesNotMatch(decoded(result.html).slice(3, -4), /[<>"']/);
    assert.match(decoded(result.html), /^<p>&lt;b&gt;.*&amp;/);
  });

  test(`${language}: what is missing is nothing, and nothing of JavaScript is in reach`, () => {
    for (const name of [
      'nothing',
      'a.b.c',
      'constructor',
      '__proto__',
      'a.constructor.name',
      'toString',
      'list.push',
      'a.length',
    ]) {
      assert.equal(
        rendered({ language, subject: `[{{ ${name} }}]` }, { a: {}, list: [] }).subject,
        '[]',
        name,
      );
    }
  });
}

test('Liquid: loops, conditions, filters and what a template keeps for itself', () => {
  const text =
    '{% assign x = "1" %}{% for i in items %}{{ forloop.index }}{{ i.name }}{{ x }}{% if i.last %}.{% break %}{% endif %}{% endfor %}' +
    '{% capture c %}[{{ y }}]{% endcapture %}{{ c }}{{ c }}{{ y | upcase | append: "!" }}{{ items[0].name }}{{ y | default: "d" }}';
  const variables = { items: [{ name: 'a' }, { name: 'b', last: true }, { name: 'c' }], y: 'y' };
  assert.equal(decoded(rendered({ text }, variables).text), '1a12b1.[y][y]Y!ay');
});

test('Liquid: in HTML `raw` is the one way to let markup through', () => {
  assert.equal(
    decoded(rendered({ html: '{{ a | raw }}{{ a | upcase }}' }, { a: '<i>' }).html),
    '<i>&lt;I&gt;',
  );
});

/** What liquidjs itself makes of a source, as text and as HTML. */
const liquidjs = {
  text: new Liquid({ ownPropertyOnly: true }),
  html: new Liquid({ ownPropertyOnly: true, outputEscape: 'escape' }),
};
/** The text, or what is wrong and where. */
const outcome = (render: () => string): string => {
  try {
    return render();
  } catch (error) {
    assert.ok(error instanceof Error);
    return error.message
      .replace(/^\w+(?=, line|: )/, 'failed')
      .replace(/^(.*), line:(\d+), col:(\d+)$/s, 'failed, line $2, column $3: $1');
  }
};
const assertAsLiquidjs = (source: string, variables: Variables): void => {
  // Fresh ones for each rendering: `increment` counts in them.
  const copy = (): Variables => structuredClone(variables);
  const { text, html } = liquidjs;
  assert.equal(
    outcome(() => rendered({ subject: source }, copy()).subject),
    outcome(() => text.parseAndRenderSync(source, copy())),
    source,
  );
  assert.equal(
    outcome(() => decoded(rendered({ html: source }, copy()).html)),
    outcome(() => String(html.parseAndRenderSync(source, copy()))).replaceAll(/\r\n|\r|\n/g, '\r\n'),
    source,
  );
};

test('Liquid: any template renders as liquidjs renders it, the short way or the long one', () => {
  const path = fc.constantFrom(
    ...[
      'a',
      'a.b',
      'a.b.c',
      'list',
      'list[0]',
      'list.first',
      'list.last',
      'list.size',
      'list[n]',
      'a["b"].c',
    ],
    ...[
      'x',
      'x.name',
      'y',
      'n',
      's',
      's.size',
      'none',
      'none.a',
      't',
      'objects[1].name',
      'objects.first.tags',
    ],
    ...['forloop', 'forloop.index', 'forloop.rindex0', 'forloop.last', 'forloop.name', 'forloop.length'],
  );
  const literal = fc.constantFrom(
    '1',
    '-2.5',
    '"<s>"',
    "'x'",
    'true',
    'false',
    'nil',
    'empty',
    'blank',
    '(1..n)',
  );
  const operand = fc.oneof({ arbitrary: path, weight: 3 }, { arbitrary: literal, weight: 1 });
  const comparison = fc
    .tuple(operand, fc.constantFrom('==', '!=', '<', '>', '<=', '>=', 'contains'), operand)
    .map((words) => words.join(' '));
  const condition = fc
    .array(
      fc.oneof(
        operand,
        comparison,
        operand.map((one) => `not ${one}`),
      ),
      { minLength: 1, maxLength: 3 },
    )
    .chain((parts) => fc.constantFrom(' and ', ' or ').map((operator) => parts.join(operator)));
  const filters = fc.constantFrom(
    ...[
      '',
      '',
      '',
      ' | upcase',
      ' | escape',
      ' | raw',
      ' | default: "d"',
      ' | append: s',
      ' | size',
      ' | json',
    ],
    ...[
      ' | join: "-"',
      ' | map: "name"',
      ' | first',
      ' | plus: n',
      ' | where: "name", "&" | size',
      ' | reverse',
    ],
  );
  const modifiers = fc.constantFrom(
    '',
    '',
    '',
    '',
    ' limit: 2',
    ' offset: 1',
    ' reversed',
    ' offset: continue',
  );
  const { template } = fc.letrec<{ template: string; element: string }>((tie) => ({
    template: fc.array(tie('element'), { maxLength: 5 }).map((elements) => elements.join('')),
    element: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom('text ', '\n', 'ä=', '  ', '<b>', '{% break %}', '{% continue %}', '{% increment n %}'),
      fc.tuple(operand, filters).map(([value, more]) => `{{ ${value}${more} }}`),
      fc.tuple(operand, filters).map(([value, more]) => `{{- ${value}${more} -}}`),
      fc
        .tuple(fc.constantFrom('n', 's', 'x', 'forloop'), operand)
        .map(([name, value]) => `{% assign ${name} = ${value} %}`),
      fc
        .tuple(
          fc.constantFrom('if', 'unless'),
          condition,
          tie('template'),
          condition,
          tie('template'),
          tie('template'),
        )
        .map(
          ([tag, one, then, other, second, last]) =>
            `{% ${tag} ${one} %}${then}{% elsif ${other} %}${second}{% else %}${last}{% end${tag} %}`,
        ),
      fc.tuple(condition, tie('template')).map(([one, then]) => `{% if ${one} %}${then}{% endif %}`),
      fc
        .tuple(
          fc.constantFrom('x', 'x', 'y', 'forloop'),
          operand,
          modifiers,
          tie('template'),
          tie('template'),
        )
        .map(
          ([name, value, more, body, otherwise]) =>
            `{% for ${name} in ${value}${more} %}${body}{% else %}${otherwise}{% endfor %}`,
        ),
      tie('template').map((body) => `{% capture s %}${body}{% endcapture %}`),
      tie('template').map((body) => `{% tablerow x in list cols: 2 %}${body}{% endtablerow %}`),
      tie('template').map((body) => `{% case n %}{% when 3 %}${body}{% endcase %}`),
    ),
  }));
  const variables = fc.record({
    a: fc.constantFrom({ b: { c: '<c>' } }, { b: 1 }, {}, 'a'),
    list: fc.constantFrom([1, 2, '&'], [], [[1, ['"']], null], 'letters', { k: 'v', l: [2] }),
    objects: fc.constant([
      { name: '&', tags: ['p', 'q'] },
      { name: 'ü', first: 1 },
    ]),
    n: fc.constantFrom(0, 1, 3),
    s: fc.constantFrom('str', '', ' ', "it's <x>"),
    t: fc.constantFrom(true, false, null),
  });
  fc.assert(fc.property(template, variables, assertAsLiquidjs), { numRuns: 500 });
});

test('Liquid: what the short way does not know goes the long one', () => {
  const variables = { list: [1, 2, 3, 4], text: 'ab', object: { k: 'v' }, n: 2, key: 'k', none: null };
  for (const source of [
    '{% for x in text %}{{ x }}{% endfor %}{% for x in object %}{{ x[0] }}={{ x[1] }}{% endfor %}',
    '{% for i in (1..n) %}{{ i }}{% endfor %}{{ object[key] }}{{ list[n] }}{{ "abc".size }}',
    '{% for x in list limit: 2 %}{{ x }}{% endfor %}{% for x in list offset: continue %}{{ x }};{% endfor %}',
    '{% for x in list %}{% if x == 2 %}{% break %}{% endif %}{% endfor %}{% for x in list offset: continue %}{{ x }}{% endfor %}',
    '{% for x in list %}{% for y in list reversed %}{{ y }}{% break %}{% endfor %}{{ forloop }}{% endfor %}',
    '{% if list == empty or text == blank or none == nil %}{{ list | join: "," | prepend: text }}{% endif %}',
    '{% for forloop in list %}{{ forloop }}{% break %}{% endfor %}{% for x in none %}{% else %}none{% endfor %}',
    '{% tablerow x in list cols: 2 %}{{ x }}{% if x == 2 %}{% break %}{% endif %}{% endtablerow %}',
    '{% if list contains n and text contains "b" %}{{ none | default: text }}{% endif %}{% cycle "a", "b" %}',
  ])
    assertAsLiquidjs(source, variables);
});

test('Liquid: what fails in a block names the place of the element that failed', () => {
  const text = '{% for i in items %}\n {% if i %}\n  {{ i | append: "s" }}{% endif %}\n{% endfor %}';
  assert.throws(
    () => rendered({ text }, { items: ['a', 'b'] }, { maxLength: 15 }),
    failsWith(/^text, line 3, column 35: the result is longer than 15 characters$/),
  );
});

test('Handlebars: loops, conditions, and markup by three braces', () => {
  const html =
    '{{#each items}}{{@index}}{{name}}{{#if last}}.{{else}},{{/if}}{{/each}}{{#with a}}{{b}}{{/with}}{{{m}}}{{#list}}{{this}}{{/list}}{{lookup a "b"}}';
  const variables = {
    items: [{ name: 'a' }, { name: '<', last: true }],
    a: { b: 'b' },
    m: '<i>',
    list: [1, 2],
  };
  assert.equal(decoded(rendered({ language: 'handlebars', html }, variables).html), '0a,1&lt;.b<i>12b');
});

test('problems name the part, the line and what is wrong', () => {
  assert.deepEqual(problems({}), []);
  assert.deepEqual(
    problems({ subject: '{{ a | nofilter }}', text: 'x\n{% if a %}', html: 'x\n\n {% nothing %}' }),
    [
      'subject, line 1, column 1: undefined filter: nofilter',
      'text, line 2, column 1: tag {% if a %} not closed',
      'html, line 3, column 2: tag "nothing" not found',
    ],
  );
  const [open, helper] = problems({ language: 'handlebars', subject: 'x\n{{#if a}}', text: 'x\n {{foo a}}' });
  assert.match(open ?? '', /^subject, line 2: /);
  assert.equal(helper, 'text, line 2, column 2: There is no helper "foo"');
  assert.deepEqual(problems({ language: 'mustache' }), [
    'language: "mustache" is neither liquid nor handlebars',
  ]);
  assert.deepEqual(problems({ text: null, html: null }), ['text: text, html or both are needed']);
  assert.deepEqual(
    problems({
      headers: [
        { name: 'Bcc', value: 'x' },
        { name: 'a b', value: '{{' },
      ],
    }),
    [
      'headers[0].name: Bcc is written by Millrace',
      'headers[1].name: "a b" is not a header field name',
      'headers[1].value, line 1, column 1: output "{{" not closed',
    ],
  );
});

test('a template stands alone', () => {
  for (const tag of ['include', 'render', 'layout']) {
    assert.deepEqual(problems({ text: `{% ${tag} "/etc/passwd" %}` }), [
      `text, line 1, column 1: tag "${tag}" not found`,
    ]);
  }
  for (const source of [
    '{{> x}}',
    '{{#> x}}{{/x}}',
    '{{#*inline "x"}}{{/inline}}',
    '{{* x}}',
    '{{#if a}}{{> x}}{{/if}}',
  ]) {
    assert.match(
      problems({ language: 'handlebars', text: source })[0] ?? '',
      /^text, line 1.*not available/,
      source,
    );
  }
});

test('a rendering that grows too long is stopped', () => {
  const limits = { maxLength: 1_000 };
  const items = Array.from({ length: 200 }, () => 'ten letters');
  for (const [language, text] of [
    ['liquid', '{% for i in items %}{% for j in items %}{{ j }}{% endfor %}{% endfor %}'],
    ['liquid', '{% for i in items %}text{% for j in items %}text{% endfor %}{% endfor %}'],
    ['handlebars', '{{#each items}}{{#each ../items}}{{this}}{{/each}}{{/each}}'],
  ] as const) {
    assert.throws(
      () => rendered({ language, text }, { items }, limits),
      failsWith(/^text.*too long|^text.*longer than 1000/),
    );
  }
  assert.throws(
    () =>
      rendered(
        { text: `{% assign s = "xxxxxxxx" %}${'{% assign s = s | append: s %}'.repeat(40)}{{ s }}` },
        {},
        limits,
      ),
    failsWith(/memory alloc limit exceeded/),
  );
});

test('a rendering that takes too long is stopped', () => {
  const items = Array.from({ length: 1_000 }, () => 1);
  const loops =
    '{% for a in items %}{% for b in items %}{% for c in items %}{% endfor %}{% endfor %}{% endfor %}';
  assert.throws(() => rendered({ text: loops }, { items }, { maxMs: 20 }), failsWith(/limit exceeded/));
  const each = '{{#each items}}{{#each ../items}}{{#each ../../items}}{{/each}}{{/each}}{{/each}}';
  assert.throws(
    () => rendered({ language: 'handlebars', text: each }, { items }, { maxMs: 20 }),
    failsWith(/too long|iterations/),
  );
});

test('a version is compiled once, and the cache keeps what was used last', () => {
  const renderer = new TemplateRenderer({ maxCompiled: 2 });
  const [one, two, three] = [1, 2, 3].map((version) => templateWith({ version }));
  assert.ok(one !== undefined && two !== undefined && three !== undefined);
  const first = renderer.compiled(one);
  const second = renderer.compiled(two);
  assert.equal(renderer.compiled(one), first);
  renderer.compiled(three);
  assert.equal(renderer.compiled(one), first);
  assert.notEqual(renderer.compiled(two), second);
});

test('the cache is bounded by the size of its templates too', () => {
  const renderer = new TemplateRenderer({ maxSourceLength: 1_000 });
  const large = templateWith({ version: 1, text: 'x'.repeat(900) });
  const compiled = renderer.compiled(large);
  renderer.compiled(templateWith({ version: 2, text: 'y'.repeat(900) }));
  assert.notEqual(renderer.compiled(large), compiled);
});
