/** Whether a template compiles, field by field. */
import type { Template } from '@millrace/schemas';
import type { FieldError } from './problem.ts';

export const templateProblems = (_template: Template): readonly FieldError[] => [];
