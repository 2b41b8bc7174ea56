// A Vulkan driver in front of Mesa's RADV, whose null device (RADV_FORCE_FAMILY) compiles for chips that are not
// there. RADV cannot begin a command buffer on that device; here, recording and submitting do nothing and succeed,
// so that Dawn can open it. Compiling is RADV's own.
//
//   gcc -shared -fPIC -DREAL='"…/libvulkan_radeon.so"' -o libnullradv.so null-radv.c -ldl
#include <dlfcn.h>
#include <stdint.h>
#include <string.h>

typedef void (*Fn)(void);
typedef Fn (*Get)(void *, const char *);

static void *lib;
static Get instance_get, device_get;

static void load(void) {
  if (lib) return;
  lib = dlopen(REAL, RTLD_NOW);
  instance_get = (Get)dlsym(lib, "vk_icdGetInstanceProcAddr");
}

static int32_t nothing(void) { return 0; }

static int is_run(const char *name) {
  static const char *names[] = {
    "vkBeginCommandBuffer", "vkEndCommandBuffer", "vkResetCommandBuffer", "vkResetCommandPool", "vkQueueSubmit",
    "vkQueueSubmit2", "vkQueueSubmit2KHR", "vkQueueWaitIdle", "vkDeviceWaitIdle", "vkWaitForFences",
    "vkGetFenceStatus", 0};
  if (!strncmp(name, "vkCmd", 5)) return 1;
  for (int i = 0; names[i]; i++) if (!strcmp(name, names[i])) return 1;
  return 0;
}

static Fn from_device(void *device, const char *name) {
  return is_run(name) ? (Fn)nothing : device_get(device, name);
}

__attribute__((visibility("default"))) Fn vk_icdGetInstanceProcAddr(void *instance, const char *name) {
  load();
  if (!strcmp(name, "vkGetDeviceProcAddr")) {
    device_get = (Get)instance_get(instance, name);
    return (Fn)from_device;
  }
  return is_run(name) ? (Fn)nothing : instance_get(instance, name);
}

__attribute__((visibility("default"))) int32_t vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version) {
  load();
  int32_t (*negotiate)(uint32_t *) =
      (int32_t (*)(uint32_t *))dlsym(lib, "vk_icdNegotiateLoaderICDInterfaceVersion");
  return negotiate ? negotiate(version) : 0;
}

__attribute__((visibility("default"))) Fn vk_icdGetPhysicalDeviceProcAddr(void *instance, const char *name) {
  load();
  Get get = (Get)dlsym(lib, "vk_icdGetPhysicalDeviceProcAddr");
  if (!get) get = (Get)instance_get(instance, "vk_icdGetPhysicalDeviceProcAddr");
  return get ? get(instance, name) : 0;
}
