/* The symbols that TensorRT's Python bindings ask of its libraries, so that the bindings can be imported and
   their classes looked at on a machine without TensorRT. None of them does anything. */

#define ABSENT(name) \
    void *name(void) { return 0; }

ABSENT(createInferBuilder_INTERNAL)
ABSENT(createInferRefitter_INTERNAL)
ABSENT(createInferRuntime_INTERNAL)
ABSENT(createNvOnnxParser_INTERNAL)
ABSENT(createNvOnnxParserRefitter_INTERNAL)
ABSENT(getBuilderPluginRegistry)
ABSENT(getPluginRegistry)

int getNvOnnxParserVersion(void) { return 0; }
int initLibNvInferPlugins(void) { return 0; }
