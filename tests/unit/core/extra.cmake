# The crypto tests once more over the other provider: one program, one provider.
add_executable(test_crypto_tomcrypt ${CMAKE_CURRENT_SOURCE_DIR}/unit/core/test_crypto.c)
target_include_directories(test_crypto_tomcrypt PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(test_crypto_tomcrypt PRIVATE cairn_core cairn_crypto_tomcrypt PkgConfig::CMOCKA cairn_flags)
target_compile_definitions(test_crypto_tomcrypt PRIVATE CAIRN_VECTORS="${CMAKE_CURRENT_SOURCE_DIR}/vectors")
add_test(NAME test_crypto_tomcrypt COMMAND test_crypto_tomcrypt)
set_tests_properties(test_crypto_tomcrypt PROPERTIES TIMEOUT 300)
