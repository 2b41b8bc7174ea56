/** Registers the dialog with the settings. Loaded when it is first opened. */
import { SettingField } from "./setting-field";
import { SettingsDialog } from "./settings-dialog";

const elements = {
  "rondo-setting": SettingField,
  "rondo-settings": SettingsDialog,
};

for (const [name, element] of Object.entries(elements))
  if (customElements.get(name) === undefined)
    customElements.define(name, element);
