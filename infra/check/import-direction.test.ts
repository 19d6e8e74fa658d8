import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { checkImportDirection, importsOf } from './import-direction.ts';

describe('import direction', () => {
  const root = mkdtempSync(join(tmpdir(), 'millrace-imports-'));
  after(() => rmSync(root, { recursive: true }));
  const file = (path: string, text: string): void => {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  };

  it('lets services import packages and packages import core', async () => {
    file('services/router/src/router.ts', "import { a } from '@millrace/kafka';\nimport './main.ts';\n");
    file('packages/kafka/src/codec.ts', "import { b } from '@millrace/core';\n");
    assert.deepEqual(await checkImportDirection(root), []);
  });

  it('names an import that goes up, sideways or past a door', async () => {
    file('packages/core/src/up.ts', "import { a } from '@millrace/kafka';\n");
    file('services/router/src/sideways.ts', "import { a } from '@millrace/delivery';\n");
    file('services/router/src/past.ts', "export { a } from '@millrace/kafka/src/codec.ts';\n");
    file('services/router/src/across.ts', "import { a } from '../../../packages/kafka/src/codec.ts';\n");
    const problems = await checkImportDirection(root);
    assert.equal(problems.length, 4, problems.join('\n'));
  });

  it("lets tests use a package's door for tests, and a benchmark its own package", async () => {
    rmSync(join(root, 'packages'), { recursive: true });
    rmSync(join(root, 'services'), { recursive: true });
    file('services/router/src/router.test.ts', "import { a } from '@millrace/kafka/testing';\n");
    file('services/router/src/router-rig.ts', "import { a } from '@millrace/smtp/testing';\n");
    file('packages/message/bench/sign.ts', "import { a } from '@millrace/message';\n");
    assert.deepEqual(await checkImportDirection(root), []);
    file('services/router/src/router.ts', "import { a } from '@millrace/kafka/testing';\n");
    assert.equal((await checkImportDirection(root)).length, 1);
  });

  it('sees every form of import', () => {
    const source =
      "import a from 'a';\nimport {\n b,\n} from 'b';\nexport * from 'c';\nimport 'd';\nawait import('e');\nimport type { F } from 'f';";
    assert.deepEqual(importsOf(source).sort(), ['a', 'b', 'c', 'd', 'e', 'f']);
  });
});
