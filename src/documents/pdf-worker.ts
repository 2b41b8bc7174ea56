/** The worker that PDFs are parsed in: pdf.js's own, in a file of ours so that the build makes a chunk of it. */
import "pdfjs-dist/legacy/build/pdf.worker.mjs";
