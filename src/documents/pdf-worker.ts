/** pdf.js's worker, in a file of ours so that the build makes it a chunk. */
import "pdfjs-dist/legacy/build/pdf.worker.mjs";
