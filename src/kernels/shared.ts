/** WGSL shared by several kernels, a file of shaders/shared each: launchers prepend it to their kernel's. */
export { default as best } from "../../shaders/shared/best.wgsl?raw";
export { default as groups } from "../../shaders/shared/groups.wgsl?raw";
export { default as linear } from "../../shaders/shared/linear.wgsl?raw";
export { default as logprobs } from "../../shaders/shared/logprobs.wgsl?raw";
export { default as packed } from "../../shaders/shared/packed.wgsl?raw";
export { default as pages } from "../../shaders/shared/pages.wgsl?raw";
export { default as partials } from "../../shaders/shared/partials.wgsl?raw";
export { default as rope } from "../../shaders/shared/rope.wgsl?raw";
export { default as sampling } from "../../shaders/shared/sampling.wgsl?raw";
export { default as scoring } from "../../shaders/shared/scoring.wgsl?raw";
export { default as step } from "../../shaders/shared/step.wgsl?raw";
export { default as sum } from "../../shaders/shared/sum.wgsl?raw";
export { default as weights } from "../../shaders/shared/weights.wgsl?raw";
