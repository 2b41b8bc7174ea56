/** Registers the dialogs with the settings and with the instructions. Loaded when one is first opened. */
import { Instructions } from "./instructions";
import { SettingField } from "./setting-field";
import { SettingsDialog } from "./settings-dialog";

const elements = {
  "rondo-instructions": Instructions,
  "rondo-setting": SettingField,
  "rondo-settings": SettingsDialog,
};

for (const [name, element] of Object.entries(elements))
  if (customElements.get(name) === undefined)
    customElements.define(name, element);
