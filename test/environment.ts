/** Makes the environment of this process another, key by key: libraries of C ask it, and an assigned object would not reach it. */
export function replaceEnvironment(env: NodeJS.ProcessEnv): void {
  for (const key of Object.keys(process.env)) if (env[key] === undefined) delete process.env[key];
  Object.assign(process.env, env);
}
