// Stands in for Chromium's libvk_swiftshader.so and hands every call on to Mesa's lavapipe (LVP_SO: its path).
// Chromium's WebGPU takes a CPU driver only if it is SwiftShader, so the device calls itself that.
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void (*Function)(void);
typedef Function (*Lookup)(void *instance, const char *name);

static Lookup lookup;
static void (*propertiesOf)(void *device, void *properties);
static void (*properties2Of)(void *device, void *properties);

static void open_lavapipe(void) {
  const char *path = getenv("LVP_SO");
  void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
  if (library)
    *(void **)&lookup = dlsym(library, "vk_icdGetInstanceProcAddr");
  else
    fprintf(stderr, "lavapipe: %s\n", path ? dlerror() : "LVP_SO is not set");
}

// VkPhysicalDeviceProperties begins with apiVersion, driverVersion, vendorID, deviceID.
static void relabel(uint32_t *properties) {
  properties[2] = 0x1AE0;
  properties[3] = 0xC0DE;
}

static void properties(void *device, void *out) {
  propertiesOf(device, out);
  relabel(out);
}

// VkPhysicalDeviceProperties2 has a type and a pointer before them.
static void properties2(void *device, void *out) {
  properties2Of(device, out);
  relabel((uint32_t *)((char *)out + 16));
}

Function vk_icdGetInstanceProcAddr(void *instance, const char *name) {
  if (!lookup) open_lavapipe();
  if (!lookup) return NULL;
  if (!strcmp(name, "vkGetInstanceProcAddr") ||
      !strcmp(name, "vk_icdGetInstanceProcAddr"))
    return (Function)vk_icdGetInstanceProcAddr;
  Function found = lookup(instance, name);
  if (!found) return NULL;
  if (!strcmp(name, "vkGetPhysicalDeviceProperties")) {
    *(Function *)&propertiesOf = found;
    return (Function)properties;
  }
  if (!strcmp(name, "vkGetPhysicalDeviceProperties2") ||
      !strcmp(name, "vkGetPhysicalDeviceProperties2KHR")) {
    *(Function *)&properties2Of = found;
    return (Function)properties2;
  }
  return found;
}

Function vkGetInstanceProcAddr(void *instance, const char *name) {
  return vk_icdGetInstanceProcAddr(instance, name);
}
