import { createApp } from "vue";
import "../given-engine";
import App from "./App.vue";

createApp(App).mount("#app");
